r"""What is measured on pairs: displacement, order, calibration, the power law, and the geometry of a loss.

Pairs count as independent. Every function takes the pairs and gives lines of the diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import objectives
from ..carriers import NUMPY
from ..estimators import mean_estimate
from ..estimators.share import share_estimate
from .entry import Entry, entry
from .pairs import Pairs

__all__ = ["calibration", "coefficients", "displacement", "movement", "order", "power_law"]

DISPLACED = ("did.sec-4.2.displacement", "did.likelihood.chosen", "did.likelihood.rejected")


def displacement(p: Pairs) -> Iterator[Entry]:
    """Where the likelihood of chosen and rejected responses went."""
    for name, title, change, tokens in (
        ("chosen", "change of log-likelihood, chosen", p.chosen_change, p.chosen_tokens),
        ("rejected", "change of log-likelihood, rejected", p.rejected_change, p.rejected_tokens),
    ):
        yield entry(
            f"displacement.{name}", title, mean_estimate(change), claims=DISPLACED,
            shows="whether these responses became likelier, on average",
            cannot="says nothing about responses that are not in the data; where the mass went needs samples",
        )
        yield entry(
            f"displacement.{name}.per-token", f"{title}, per token", mean_estimate(change / tokens),
            unit="nats/token", claims=DISPLACED, shows="the same with long and short responses weighted alike",
        )
        yield entry(
            f"displacement.{name}.falls", f"{name} responses that became less likely", share_estimate(change < 0),
            unit="share", claims=DISPLACED,
        )
    yield entry(
        "margin.gain", "gain in log-margin", mean_estimate(p.gain), claims=("gip.eq-6",),
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
            f"movement.{name}", title, share_estimate(hits), unit="share", claims=("gip.table-1", "gip.eq-7"),
            shows="the outcome of the whole training",
            cannot="the conditions on inner products speak of one gradient step, and need gradients",
        )


def order(p: Pairs) -> Iterator[Entry]:
    """How often the policy orders a pair as the label does."""
    yield entry(
        "order.policy", "pairs with log pi(chosen) > log pi(rejected)", share_estimate(p.chosen > p.rejected),
        unit="share", shows="ranking accuracy of the policy itself",
    )
    yield entry(
        "order.implicit-reward", "pairs whose log-margin grew (accuracy of the implicit reward)",
        share_estimate(p.gain > 0), unit="share", claims=("did.thm-3.3",),
        shows="agreement of log-ratios with the labels", cannot="on training pairs it measures memory",
    )
    if p.source_chosen is not None and p.source_rejected is not None:
        source, ref, policy = p.source_chosen - p.source_rejected, p.ref_chosen - p.ref_rejected, p.chosen - p.rejected
        yield entry(
            "order.log-margins", "pairs with log-margins in the order policy > reference > rejected policy",
            share_estimate((policy > ref) & (ref > source)), unit="share",
            claims=("did.thm-3.5.order-implies-power-law", "did.sec-3.3.inductive-bias"),
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
    residual = (y - beta * x) / np.maximum(1 - x * x / square, 1e-12)
    error = float(np.sqrt(np.sum(x * x * residual * residual)) / square)
    claims = ("did.thm-3.3", "did.def-3.2")
    yield entry(
        "power-law.exponent", "exponent of the power law", Slope(beta, error, len(p)), unit="", claims=claims,
        shows="the best single exponent", cannot="an exponent exists for any data; the fit below says if it is a law",
    )
    fit = 1 - float(np.sum((y - beta * x) ** 2)) / float(y @ y) if float(y @ y) > 0 else 0.0
    error = _jackknife(x, y)
    yield entry(
        "power-law.fit", "share of log(ref/rejected) that the law explains", Slope(fit, error, len(p)), unit="",
        claims=claims, shows="1 if the law is exact on these pairs, 0 if it explains nothing",
    )


def _jackknife(x: np.ndarray, y: np.ndarray) -> float:
    """Standard error of the explained share, leaving out one pair at a time."""
    n = len(x)
    xx, xy, yy = x @ x - x * x, x @ y - x * y, y @ y - y * y
    with np.errstate(divide="ignore", invalid="ignore"):
        fit = np.where((xx > 0) & (yy > 0), xy * xy / (xx * yy), 0.0)
    return float(np.sqrt((n - 1) / n * np.sum((fit - fit.mean()) ** 2)))


class Slope:
    """A value with its standard error; normal interval."""

    def __init__(self, value: float, standard_error: float, count: int) -> None:
        self.value, self.standard_error, self.count = value, standard_error, count

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        from scipy.special import ndtri

        half = float(ndtri((1 + level) / 2)) * self.standard_error
        return self.value - half, self.value + half


def calibration(p: Pairs, *, beta: float) -> Iterator[Entry]:
    r"""Preference probabilities sigma(beta gain) against the labels."""
    probability = NUMPY.sigmoid(beta * p.gain)
    sure = np.maximum(probability, 1 - probability)
    yield entry(
        "calibration.confidence", "mean confidence of the implied preference", mean_estimate(sure), unit="share",
        claims=("did.thm-3.3", "mi.eq-2"),
    )
    yield entry(
        "calibration.excess", "confidence above accuracy", mean_estimate(sure - (p.gain > 0)), unit="share",
        claims=("did.thm-3.3", "mi.eq-2"), shows="above 0: the policy is surer than it is right",
        cannot="hard labels hide how divided the annotators were",
    )


def coefficients(p: Pairs, name: str, **hyper: float) -> Iterator[Entry]:
    """Value of a loss, and how it weighs the chosen against the rejected gradient: d_w / d_l of Eqs 9 and 10."""
    loss = objectives.get(name, **hyper)
    arguments = (p.chosen, p.rejected, p.ref_chosen, p.ref_rejected)
    lengths = {"chosen_length": p.chosen_tokens, "rejected_length": p.rejected_tokens}
    yield entry(
        "loss.value", f"{name} loss", mean_estimate(loss.value(*arguments, **lengths)),
        claims=("gip.sec-3.2.coefficients",),
    )
    slope_w, slope_l = loss.slopes(*arguments, **lengths)
    d_w, d_l = -slope_w, slope_l
    yield entry(
        "loss.inactive", "pairs on which the loss has no slope", share_estimate((d_w == 0) & (d_l == 0)), unit="share",
        claims=("gip.eq-9", "gip.eq-10"),
    )
    away = (d_w < 0) | (d_l < 0)
    yield entry(
        "loss.outside", "pairs with d_w < 0 or d_l < 0, where Eqs 9 and 10 do not apply", share_estimate(away),
        unit="share", claims=("gip.eq-9", "gip.eq-10"),
    )
    inside = (d_w > 0) & (d_l > 0)
    if inside.sum() >= 2:
        yield entry(
            "loss.ratio", "log of d_w / d_l, where both are above 0", mean_estimate(np.log(d_w[inside] / d_l[inside])),
            claims=("gip.eq-9", "gip.eq-10", "gip.sec-3.2.trade-off"),
            shows="above 0: raising the chosen is made easier than lowering the rejected",
        )

