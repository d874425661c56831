r"""What is measured on pairs: displacement, order, calibration, the power law, and the geometry of a loss.

Every prompt counts once, with the mean of its pairs, and errors are taken over prompts; where all pairs have the same
prompt, the pairs are independent and the estimates are about it. Every function takes the pairs and gives lines of the
diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .. import objectives
from ..carriers import NUMPY
from ..estimators.clusters import Grouped, grouped_mean, grouped_ratio, grouped_share, rare
from .entry import Entry, entry
from .pairs import Pairs

__all__ = ["calibration", "coefficients", "displacement", "movement", "order", "power_law"]

DISPLACED = ("did.sec-4.2.displacement", "did.likelihood.chosen", "did.likelihood.rejected")
DATA_ONLY = "says nothing about responses that are not in the data; where the mass went needs samples"
HERE = "holds on these pairs, at the policy as it is now; another step may find other coefficients"


def displacement(p: Pairs) -> Iterator[Entry]:
    """Where the likelihood of chosen and rejected responses went."""
    for name, title, change, tokens in (
        ("chosen", "change of log-likelihood, chosen", p.chosen_change, p.chosen_tokens),
        ("rejected", "change of log-likelihood, rejected", p.rejected_change, p.rejected_tokens),
    ):
        yield entry(
            f"displacement.{name}", title, grouped_mean(change, p.prompt), claims=DISPLACED,
            shows="whether these responses became likelier, on average",
            cannot=DATA_ONLY,
        )
        if p.lengths:
            yield entry(
                f"displacement.{name}.per-token", f"{title}, per token", grouped_ratio(change, tokens, p.prompt),
                unit="nats/token", claims=DISPLACED, shows="mean change of a sequence over mean number of tokens",
                cannot=DATA_ONLY,
            )
        yield entry(
            f"displacement.{name}.falls", f"{name} responses that became less likely",
            grouped_share(change < 0, p.prompt), unit="share", claims=DISPLACED, cannot=DATA_ONLY,
            shows="how common displacement is, however large",
        )
    yield entry(
        "margin.gain", "gain in log-margin", grouped_mean(p.gain, p.prompt), claims=("gip.eq-6",),
        shows="whether training widened the margin", cannot="a wide margin is no evidence that the chosen rose",
    )


def movement(p: Pairs) -> Iterator[Entry]:
    """The case of Table 1 that each pair ended in, judged by where the policy is now."""
    w, l = p.chosen_change, p.rejected_change  # noqa: E741
    cases = (
        ("ideal", "chosen up, rejected down", (w >= 0) & (l <= 0)),
        ("both-fall", "both down", (w < 0) & (l < 0)),
        ("both-rise", "both up", (w > 0) & (l > 0)),
        ("reversed", "chosen down, rejected up", ((w < 0) & (l >= 0)) | ((w <= 0) & (l > 0))),
    )
    for name, title, hits in cases:
        yield entry(
            f"movement.{name}", title, grouped_share(hits, p.prompt), unit="share", claims=("gip.table-1",),
            shows="the outcome of the whole training",
            cannot="the conditions on inner products speak of one gradient step, and need gradients",
        )


def order(p: Pairs) -> Iterator[Entry]:
    """How often the policy orders a pair as the label does."""
    yield entry(
        "order.policy", "pairs with log pi(chosen) > log pi(rejected)", grouped_share(p.chosen > p.rejected, p.prompt),
        unit="share", shows="ranking accuracy of the policy itself",
    )
    yield entry(
        "order.implicit-reward", "pairs whose log-margin grew (accuracy of the implicit reward)",
        grouped_share(p.gain > 0, p.prompt), unit="share", claims=("did.thm-3.3",),
        shows="agreement of log-ratios with the labels", cannot="on training pairs it measures memory",
    )
    if p.source_chosen is not None and p.source_rejected is not None:
        source, ref, policy = p.source_chosen - p.source_rejected, p.ref_chosen - p.ref_rejected, p.chosen - p.rejected
        yield entry(
            "order.log-margins", "pairs with log-margins in the order policy > reference > rejected policy",
            grouped_share((policy > ref) & (ref > source), p.prompt), unit="share",
            claims=(
                "did.thm-3.5.order-implies-power-law", "did.thm-3.5.power-law-implies-order",
                "did.sec-3.3.inductive-bias",
            ),
            shows="how often the ordering holds on the data", cannot="the ordering does not imply a power law",
        )


def power_law(p: Pairs) -> Iterator[Entry]:
    r"""One exponent over all prompts: the slope of log(ref/rejected) on log(policy/ref), within pairs.

    The difference between the two responses of a pair removes the normaliser of its prompt, so the slope goes through
    the origin; its standard error is robust to unequal variances.
    """
    if p.source_chosen is None or p.source_rejected is None:
        return
    x, y = p.gain, (p.ref_chosen - p.source_chosen) - (p.ref_rejected - p.source_rejected)
    square = float(x @ x)
    if square == 0:
        return
    beta = float(x @ y) / square
    which = _units(p.prompt)
    residual = (y - beta * x) / np.maximum(1 - x * x / square, 1e-12)
    scores = np.bincount(which, x * residual)
    error, n = float(np.sqrt(scores @ scores) / square), len(scores)
    claims = ("did.thm-3.3", "did.thm-3.5.power-law-implies-order")
    yield entry(
        "power-law.exponent", "exponent of the power law", Grouped(beta, error, len(p), n, rare(scores)), unit="",
        claims=claims, shows="the best single exponent over all prompts",
        cannot="an exponent exists for any data; the fit below says if it is a law",
    )
    fit = 1 - float(np.sum((y - beta * x) ** 2)) / float(y @ y) if float(y @ y) > 0 else 0.0
    yield entry(
        "power-law.fit", "share of log(ref/rejected) that the law explains",
        Grouped(fit, _jackknife(x, y, which), len(p), n, rare(scores)), unit="", claims=claims,
        shows="1 if the law is exact on these pairs, 0 if it explains nothing",
        cannot="only responses in the data are seen; the law speaks of all",
    )


def _units(prompt: np.ndarray) -> np.ndarray:
    """For each pair the independent unit it belongs to: its prompt, or itself where there is one prompt."""
    which = np.unique(prompt.astype(str), return_inverse=True)[1]
    return which if which.max(initial=0) else np.arange(len(prompt))


def _jackknife(x: np.ndarray, y: np.ndarray, which: np.ndarray) -> float:
    """Standard error of the explained share, leaving out one unit at a time."""
    xx, xy, yy = (v.sum() - np.bincount(which, v) for v in (x * x, x * y, y * y))
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = np.where((xx > 0) & (yy > 0), xy * xy / (xx * yy), 0.0)
    n = len(fit)
    return float(np.sqrt((n - 1) / n * np.sum((fit - fit.mean()) ** 2)))


def calibration(p: Pairs, *, beta: float) -> Iterator[Entry]:
    r"""Preference probabilities sigma(beta gain) against the labels."""
    probability = NUMPY.sigmoid(beta * p.gain)
    sure = np.maximum(probability, 1 - probability)
    yield entry(
        "calibration.confidence", "mean confidence of the implied preference", grouped_mean(sure, p.prompt),
        unit="share", claims=("did.thm-3.3", "mi.eq-2"), shows="how sure the implied preferences are",
        cannot="a sure preference may be wrong: the excess over the accuracy is below",
    )
    yield entry(
        "calibration.excess", "confidence above accuracy", grouped_mean(sure - (p.gain > 0), p.prompt), unit="share",
        claims=("did.thm-3.3", "mi.eq-2"), shows="above 0: the policy is surer than it is right",
        cannot="hard labels hide how divided the annotators were",
    )


def _by_length(loss: objectives.Objective) -> bool:
    """Whether a loss depends on the numbers of tokens."""
    point = ([-1.0], [-2.0], [-3.0], [-5.0])
    return bool(loss.value(*point) != loss.value(*point, chosen_length=2, rejected_length=3))


def _fixed_ratio(loss: objectives.Objective) -> bool:
    """Whether d_w / d_l is a constant of a loss, as it is of DPO's, so that no other pair could have another value."""
    points = np.array([[-1.0, -7.0, -3.0], [-2.0, -4.0, -9.0], [-3.0, -5.0, -4.0], [-5.0, -6.0, -2.0]])
    slope_w, slope_l = loss.slopes(*points, chosen_length=np.array([2, 5, 3]), rejected_length=np.array([3, 2, 7]))
    ratio = np.abs(slope_w) / np.maximum(np.abs(slope_l), np.finfo(float).tiny)
    return bool(np.ptp(ratio) <= 8 * np.finfo(float).eps * ratio.max())


def coefficients(p: Pairs, name: str, **hyper: float) -> Iterator[Entry]:
    """Value of a loss, and how it weighs the chosen against the rejected gradient: d_w / d_l of Eqs 9 and 10."""
    loss = objectives.get(name, **hyper)
    arguments = (p.chosen, p.rejected, p.ref_chosen, p.ref_rejected)
    lengths = {"chosen_length": p.chosen_tokens, "rejected_length": p.rejected_tokens} if p.lengths else {}
    if not lengths and _by_length(loss):
        return
    yield entry(
        "loss.value", f"{name} loss", grouped_mean(loss.value(*arguments, **lengths), p.prompt),
        claims=("gip.sec-3.2.coefficients",), shows="the loss on these pairs", cannot=HERE,
    )
    slope_w, slope_l = loss.slopes(*arguments, **lengths)
    d_w, d_l = -slope_w, slope_l
    yield entry(
        "loss.inactive", "pairs on which the loss has no slope", grouped_share((d_w == 0) & (d_l == 0), p.prompt),
        unit="share", claims=("gip.eq-9", "gip.eq-10"), shows="pairs that the loss has done with", cannot=HERE,
    )
    away = (d_w < 0) | (d_l < 0)
    yield entry(
        "loss.outside", "pairs that the loss pushes back: d_w < 0 or d_l < 0", grouped_share(away, p.prompt),
        unit="share", claims=("gip.eq-9", "gip.eq-10"), shows="where the conditions say nothing", cannot=HERE,
    )
    inside = (d_w > 0) & (d_l > 0)
    if inside.any() and _units(p.prompt[inside]).max() >= 1:
        ratio = grouped_mean(np.log(d_w[inside] / d_l[inside]), p.prompt[inside])
        yield entry(
            "loss.ratio", "log of d_w / d_l, the loss's weights of the chosen and the rejected gradient",
            replace(ratio, caution="") if _fixed_ratio(loss) else ratio,
            claims=("gip.eq-9", "gip.eq-10", "gip.sec-3.2.trade-off"),
            shows="above 0: raising the chosen is made easier than lowering the rejected",
            cannot="the conditions compare it with inner products, which need gradients",
        )

