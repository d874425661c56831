r"""Gradients of some of the pairs: the inner products behind Table 1 and Eqs 5 to 10, and one real step against them.

Everything here needs the model itself; a score table alone cannot give it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import objectives
from ..arguments import positive, whole
from ..bridge.data import Pair
from ..bridge.gradients import Geometry, ches, geometry
from ..bridge.huggingface import HuggingFaceBackend
from ..bridge.step import Step, one_step
from ..errors import ArgumentError
from ..estimators.clusters import grouped_mean, grouped_share
from .diagnosis import Diagnosis
from .entry import Entry, entry

__all__ = ["with_gradients"]

SOME = "on the pairs that were tried, at the policy's weights as they are now"
CONDITIONS = ("gip.eq-7", "gip.table-1")


@dataclass(frozen=True)
class Tried:
    """What was found on one pair."""

    pair: Pair
    gram: Geometry
    step: Step
    d_w: float
    d_l: float
    ches: tuple[float, float]
    tokens: tuple[float, ...]  # products at the differing token, and at the first equal token after it, where there are


def with_gradients(
    found: Diagnosis, backend: Any, data: Sequence[Pair], count: int, *, rate: float = 1e-4, optimiser: str = "sgd",
    which: str = "all", progress: Callable[[int, int], None] | None = None,
) -> Diagnosis:
    """A diagnosis with the geometry of gradients on some of its pairs, evenly spread over the data.

    Args:
        found: the diagnosis of a table.
        backend: the policy, a model of transformers; its weights are left as they are.
        data: the pairs that the table was made from.
        count: how many pairs; each costs about ten backward passes.
        rate: step size of the one real step that the prediction is compared with.
        optimiser: which takes it: sgd, adam or rmsprop.
        which: parameters that count, as for `bridge.gradients.selected`.
        progress: called with the number of pairs that are done and of all.

    Raises:
        ArgumentError: a backend without gradients, a pair that the table does not hold, or a count out of range.
    """
    if not isinstance(backend, HuggingFaceBackend):
        raise ArgumentError("policy", "a model of transformers, which has gradients", backend.name)
    whole("gradients", count, 2, len(data))
    positive("rate", rate)
    p = found.columns
    place = {x: n for n, x in enumerate(p.id)}
    missing = [x.id for x in data if x.id not in place]
    if missing:
        raise ArgumentError("data", "the pairs that the table was made from", f"{missing[0]!r}, which it does not hold")
    names = {k: v for k, v in found.settings.items() if k != "objective"}
    loss = objectives.get(found.settings["objective"], **_known(found.settings["objective"], names))
    arguments = (p.chosen, p.rejected, p.ref_chosen, p.ref_rejected)
    lengths = {"chosen_length": p.chosen_tokens, "rejected_length": p.rejected_tokens} if p.lengths else {}
    slope_w, slope_l = loss.slopes(*arguments, **lengths)
    tried: list[Tried] = []
    for k in np.unique(np.linspace(0, len(data) - 1, count).astype(int)):
        pair = data[k]
        d_w, d_l = -float(slope_w[place[pair.id]]), float(slope_l[place[pair.id]])
        w, l = pair.chosen, pair.rejected  # noqa: E741
        tried.append(
            Tried(
                pair, geometry(backend, w, l, which=which),
                one_step(backend, w, l, d_w=d_w, d_l=d_l, rate=rate, optimiser=optimiser, which=which), d_w, d_l,
                ches(backend, w, l), tuple(_tokens(backend, pair, which)),
            )
        )
        if progress:
            progress(len(tried), count)
    settings = {**found.settings, "gradients": len(tried), "rate": rate, "optimiser": optimiser, "parameters": which}
    return replace(found, settings=settings, entries=(*found.entries, *_entries(tried)), layers=_layers(tried))


def _known(name: str, given: dict[str, Any]) -> dict[str, Any]:
    from inspect import signature

    takes = signature(objectives.get(name).formula).parameters
    return {k: v for k, v in given.items() if k in takes}


def _tokens(backend: HuggingFaceBackend, pair: Pair, which: str) -> Iterator[float]:
    """Products of the gradients of the first tokens that differ, and of the first equal ones after them."""
    w, l = pair.chosen.response, pair.rejected.response  # noqa: E741
    short = min(len(w), len(l))
    differ = next((t for t in range(short) if w[t] != l[t]), None)
    if differ is None:
        return
    yield geometry(backend, pair.chosen, pair.rejected, which=which, tokens=(differ, differ)).wl
    same = next((t for t in range(differ + 1, short) if w[t] == l[t]), None)
    if same is not None:
        yield geometry(backend, pair.chosen, pair.rejected, which=which, tokens=(same, same)).wl


def _entries(tried: Sequence[Tried]) -> Iterator[Entry]:
    prompts = np.array([t.pair.chosen.prompt for t in tried], dtype=object)
    prompt = np.array([str(x) for x in prompts])

    def share(name: str, title: str, hits: Any, claims: tuple[str, ...], shows: str = "") -> Entry:
        found = grouped_share(np.array(hits), prompt)
        return entry(f"gradients.{name}", title, found, unit="share", claims=claims, shows=shows, cannot=SOME)

    grams = [t.gram for t in tried]
    cosine = np.nan_to_num([g.cosine for g in grams])
    yield entry(
        "gradients.cosine", "cosine of the gradients of chosen and rejected", grouped_mean(cosine, prompt), unit="",
        claims=("gip.eq-5",), shows="near 1: one step moves both the same way", cannot=SOME,
    )
    for case, title in (("ideal", "chosen up, rejected down"), ("both-fall", "both down"), ("both-rise", "both up")):
        yield share(
            case, f"pairs in this case of Table 1 for DPO: {title}", [g.case == case for g in grams], CONDITIONS,
            "what one small step with d_w = d_l does",
        )
    predicted = np.array([t.gram.prediction(t.d_w, t.d_l) for t in tried])
    yield share(
        "chosen-rises", "pairs whose chosen response the loss raises, to first order", predicted[:, 0] > 0,
        ("gip.eq-9",), "whether the loss's own coefficients are inside the condition",
    )
    yield share(
        "rejected-falls", "pairs whose rejected response the loss lowers, to first order", predicted[:, 1] < 0,
        ("gip.eq-10",), "whether the loss's own coefficients are inside the condition",
    )
    first, real = (np.array([getattr(t.step, k) for t in tried]) for k in ("predicted", "actual"))
    yield share(
        "step.signs", "pairs on which both signs of the predicted change are those of one real step",
        (np.sign(first) == np.sign(real)).all(1), ("gip.eq-5", "gip.eq-7"), "whether first order decides at this rate",
    )
    size = np.maximum(np.abs(real).max(1), np.finfo(float).tiny)
    yield entry(
        "gradients.step.error", "error of the prediction, relative to the larger change",
        grouped_mean(np.abs(first - real).max(1) / size, prompt), unit="", claims=("gip.eq-5",), cannot=SOME,
        shows="near 0: at this rate the first order is all there is",
    )
    for k, (name, title) in enumerate((("ches", "CHES"), ("ches.per-token", "CHES, with means over tokens"))):
        yield entry(
            f"gradients.{name}", f"{title}: similarity of hidden embeddings minus the chosen's own",
            grouped_mean([t.ches[k] for t in tried], prompt), unit="",
            shows="higher: displacement of the chosen response is to be expected", cannot=SOME,
        )
    for k, (name, title, claim) in enumerate(
        (
            ("differing-token", "first differing tokens with a negative inner product", "gip.sec-4.2.differing-token"),
            ("identical-token", "first equal tokens after them with a positive one", "gip.sec-4.2.identical-tokens"),
        )
    ):
        values = np.array([t.tokens[k] for t in tried if len(t.tokens) > k])
        if len(values):
            hits = values < 0 if k == 0 else values > 0
            found = grouped_share(hits, prompt[[len(t.tokens) > k for t in tried]])
            yield entry(
                f"gradients.{name}", title, found, unit="share", claims=(claim,), shows="signs over all parameters",
                cannot="the statement speaks of logits, or of one layer; " + SOME,
            )


def _layers(tried: Sequence[Tried]) -> dict[str, tuple[float, float, float]]:
    """The Gram matrices of all pairs that were tried, added up, by layer."""
    out: dict[str, tuple[float, float, float]] = {}
    for t in tried:
        for name, row in t.gram.layers().items():
            a, b, c = out.get(name, (0.0, 0.0, 0.0))
            out[name] = (a + row[0], b + row[1], c + row[2])
    return out
