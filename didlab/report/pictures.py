r"""One picture for each of the most surprising findings, drawn from the same functions that the claims run on.

Every number is computed when the picture is drawn: instances come from a fixed seed, or from the stored certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import policies
from ..did import did_entropy
from ..information import entropy
from .chart import Series, chart

__all__ = ["PICTURES", "Picture", "draw"]

SEED = 0


@dataclass(frozen=True)
class Picture:
    """A picture of what was found about a statement.

    Attributes:
        claim: the statement's id.
        title: what one sees.
        caption: how it was made.
        draw: gives the SVG.
    """

    claim: str
    title: str
    caption: str
    draw: Callable[[], str]


def draw(claim: str) -> str:
    """The picture of a claim as an SVG figure.

    >>> draw("did.sec-4.2.displacement").startswith("<figure")
    True
    """
    return PICTURES[claim].draw()


def counterexample(claim: str) -> Mapping[str, np.ndarray]:
    """The objects of a stored counterexample as floats, re-checked on the way."""
    from ..claims import load, stored
    from ..engine.certificate import describe, replay

    found, certificate = next(c for c in load() if c.id == claim), stored(claim)
    assert certificate is not None
    objects = describe(found.printed, replay(found, certificate))["objects"]
    return {n: np.array([float(Fraction(v)) for v in o["values"]]) for n, o in objects.items() if o["kind"] != "table"}


def _displacement() -> str:
    rng = np.random.default_rng(SEED)
    ref, target = (np.log(rng.dirichlet(np.full(6, 0.7), 400)) for _ in range(2))
    gap = did_entropy(target, ref) - entropy(ref)
    change = (np.exp(ref) * (target - ref)).sum(-1)
    high = gap > 0
    return chart(
        [
            Series("DID of higher entropy than the reference", gap[high].tolist(), change[high].tolist(), line=False),
            Series("DID of lower entropy", gap[~high].tolist(), change[~high].tolist(), line=False, hollow=True),
        ],
        x="entropy of the DID − entropy of the reference (nats)",
        y="expected change, chosen (nats)",
        words="A cloud of updates: all lie below zero, on both sides of equal entropy.",
    )


def _smoothing() -> str:
    reference = np.log(counterexample("did.claim-4.1.smoothing.tempering")["reference"])
    s = np.linspace(0.02, 2.5, 200)
    gap = did_entropy(policies.temper(reference, 1 / s[:, None]), reference) - entropy(reference)
    smooth = s < 1
    return chart(
        [
            Series("temperature above 1 (smoothing)", s[smooth].tolist(), gap[smooth].tolist()),
            Series("temperature below 1 (reinforcing)", s[~smooth].tolist(), gap[~smooth].tolist()),
        ],
        x="sharpness 1/τ of the policy",
        y="entropy of the DID − of the reference",
        words="The curve is below zero where the claim says above, and the other way round.",
    )


PICTURES: Mapping[str, Picture] = {
    p.claim: p
    for p in (
        Picture(
            "did.sec-4.2.displacement",
            "The chosen fall on average after every update, whatever the entropy of its DID",
            "400 random pairs of a reference and a target over six outcomes.",
            _displacement,
        ),
        Picture(
            "did.claim-4.1.smoothing.tempering",
            "Smoothing can give a DID of lower entropy than the reference",
            "All temperatures, for the reference of the stored counterexample.",
            _smoothing,
        ),
    )
}
