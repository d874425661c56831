r"""One picture for each of the most surprising findings, drawn from the same functions that the claims run on.

Every number is computed when the picture is drawn: instances come from a fixed seed, or from the stored certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from .. import policies
from ..conditional.regularised import optimal_policy, regularised_objective
from ..did import did_entropy
from ..dynamics.one_step import pair_step
from ..information import entropy
from ..objectives import get
from ..sequences.linear import sequence_gram
from ..sequences.prefixes import ByPrefix
from ..sequences.shared_logits import SharedLogits
from ..sequences.softmax import softmax_residuals
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


def _suffix() -> str:
    """Median first-order change of the chosen response after a DPO step, by the length of the common suffix."""
    rng = np.random.default_rng(SEED)
    models, size, longest = 400, 4, 10
    tokens = np.concatenate([[[1, 2]], np.zeros((longest, 2), int)]).T  # both responses; they differ first
    common = np.log(rng.dirichlet(np.ones(size), (models, longest + 1)))
    liked = common.copy()
    liked[:, 1:, 0] += rng.exponential(0.7, (models, longest))  # the chosen context likes the common token more
    other = np.log(rng.dirichlet(np.ones(size), (models, longest + 1)))
    other[:, 0] = common[:, 0]
    own, shared = np.eye(longest + 1), np.ones((longest + 1, 1))
    apart = np.concatenate([[0], longest + np.arange(1, longest + 1)])  # after the difference no prefix is shared
    prefixes = np.eye(2 * longest + 1)
    cases = (
        ("a row for each position, the assumption of Theorem 3", liked, common, own, own),
        ("a row for each prefix (a table)", common, other, prefixes[: longest + 1], prefixes[apart]),
        ("one row shared by all positions", common, other, shared, shared),
    )
    series: list[Series] = []
    for name, rows_w, rows_l, phi_w, phi_l in cases:
        r_w, r_l = (
            softmax_residuals(z, np.broadcast_to(t, z.shape[:-1]))
            for z, t in zip((rows_w, rows_l), tokens, strict=True)
        )
        changes: list[float] = []
        for n in range(longest + 1):
            keep = slice(0, n + 1)
            gram = sequence_gram(phi_w[keep], r_w[:, keep], phi_l[keep], r_l[:, keep])
            changes.append(float(np.median(gram[0] - gram[1])))
        series.append(Series(name, list(range(longest + 1)), changes))
    return chart(
        series,
        x="common tokens after the differing one",
        y="change of log π(chosen), first order",
        words="It falls with the suffix in the model of the theorem, and rises where each prefix has its own logits.",
    )


def _finite() -> str:
    """A pair for which the condition of Eq 7 holds, and what steps of different sizes do."""
    rng = np.random.default_rng(SEED)
    best: tuple[float, Any] = (0.0, None)
    chosen, rejected = np.array([1, 0]), np.array([2, 0])
    for _ in range(300):
        model = SharedLogits(np.zeros((1, 3)), ByPrefix(rng.normal(size=(13, 3)) * 2, 3))
        step = pair_step(model, chosen, rejected, get("dpo", beta=1.0))
        if float(step.predicted(chosen).sum()) <= 0.05:
            continue
        change = float(step.change(chosen, 8.0).sum())
        best = min(best, (change, step), key=lambda b: b[0])
    step, sizes = best[1], np.linspace(0, 8, 120)
    predicted = float(step.predicted(chosen).sum()) * sizes
    actual = [float(step.change(chosen, float(s)).sum()) for s in sizes]
    return chart(
        [
            Series("first order, as Eq 7 has it", sizes.tolist(), predicted.tolist()),
            Series("the step", sizes.tolist(), actual),
        ],
        x="step size × β, one pair of two tokens",
        y="change of log π(chosen), nats",
        words="The first-order line rises; the actual change turns down and falls below zero.",
    )


def _optimum() -> str:
    """What the printed optimum loses against the true one, as beta varies."""
    rng = np.random.default_rng(SEED)
    beta = np.exp(np.linspace(np.log(0.5), np.log(3), 121))
    series: list[Series] = []
    for k in range(3):
        prior, reward = rng.dirichlet(np.ones(4)), rng.normal(size=4)
        lost: list[float] = []
        for b in beta:
            best = optimal_policy(reward[None], prior[None], beta=b)
            printed = optimal_policy(reward[None], prior[None], beta=1 / b)
            value = [
                float(regularised_objective(np.ones(1), p, reward[None], prior[None], beta=b)) for p in (printed, best)
            ]
            lost.append(value[0] - value[1])
        series.append(Series(f"random reward {k + 1}", beta.tolist(), lost))
    return chart(
        series,
        x="β of Eq 3",
        y="objective of the printed policy − best",
        words="The loss is zero at beta = 1 only and grows on both sides.",
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
        Picture(
            "gip.thm-3.suffix.own-logits",
            "Whether a common suffix drags the chosen response down depends on what the positions share",
            "Median over 400 random models of four tokens; step size times βc(θ) = 1.",
            _suffix,
        ),
        Picture(
            "gip.eq-7.finite",
            "A step that should raise the chosen response lowers it when it is long enough",
            "The worst of 300 random models with one row of logits for both positions; to first order it rises.",
            _finite,
        ),
        Picture(
            "mi.eq-3.optimum",
            "The closed form printed after Eq 3 is the optimum at β = 1 only",
            "Three random rewards and references over four responses.",
            _optimum,
        ),
    )
}
