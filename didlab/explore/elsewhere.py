"""Where the objects of an instance fit in the other parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from . import policies
from .look import link

__all__ = ["elsewhere"]


def elsewhere(id: str, objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where the objects of an instance fit in the other parts: words and addresses.

    >>> d = {"kind": "distribution", "values": ["1/4", "3/4"]}
    >>> elsewhere("did.claim-4.1.converse", {"reference": d, "policy": d})[0]
    ('Open in Policies and the DID', '/policies/?reference=1/4,3/4&policy=1/4,3/4')
    """
    return [*_as_policies(objects), *_as_tokens(id, objects)]


def _as_policies(objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A reference and a policy over the same outcomes."""
    found = {n: tuple(map(Fraction, o["values"])) for n, o in objects.items() if o["kind"] == "distribution"}
    reference, policy = found.get("reference"), found.get("policy", found.get("target"))
    if reference is None or policy is None or len(reference) != len(policy) or min(*reference, *policy) <= 0:
        return []
    state = policies.State(reference=reference, policy=policy)
    # The page of objectives names its policies as the page of policies does.
    out = [("Open in Policies and the DID", link("policies", state)), ("Open in Objectives", link("objectives", state))]
    beta = objects.get("beta")
    if beta is not None and beta["kind"] == "numbers":
        value = float(Fraction(beta["values"][0]))
        if 0.01 <= value <= 100:
            out[0] = (out[0][0], link("policies", replace(state, beta=value)))
    return out


# What the contexts of a model share, by the last word of an id.
SHARING = {"shared-logits": "offsets", "own-logits": "prefixes"}


def _as_tokens(id: str, objects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Two responses under a model whose rows are all uniform: the page of tokens draws any others from a seed."""
    model, rows = SHARING.get(id.split(".")[-1]), [objects.get(n) for n in ("rows_w", "rows_l")]
    if model is None or any(t is None or len({v for row in t["values"] for v in row}) > 1 for t in rows):
        return []
    from . import responses  # its models are imported only where they are wanted

    names = "abcdef"[: rows[0]["shape"][-1]]  # type: ignore[index]
    chosen, rejected = (tuple(names[int(v)] for v in objects[n]["values"]) for n in ("chosen", "rejected"))
    state = responses.State(
        vocabulary=tuple(names), chosen=chosen, rejected=rejected, model=model, spread=0.0
    )
    return [("Open in Tokens", link("tokens", state))]
