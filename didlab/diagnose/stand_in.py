r"""How far to believe the stand-in for the DID: whether it rises with the log-ratio, and how closely it follows it.

Were it the DID, :math:`\log\tilde\pi(y) = \log\frac{\pi(y)}{\pi_{ref}(y)} - \log Z` for each prompt, so that within a
prompt the slope is 1 and nothing is left over. Where it is near, its own draws, weighed by what is left over, give the
entropy of the DID itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..bridge.table import DRAWN, Scores
from ..estimators.appendix_k import (
    did_entropy_corrected,
    did_entropy_error,
    did_entropy_from_samples,
    did_entropy_left_out,
    slope_sign,
)
from ..estimators.clusters import Grouped, group_means, grouped_mean, grouped_ratio, grouped_share, rare
from .entry import Entry, entry

__all__ = ["bias", "followed", "reweighted", "slopes"]

MODELS = ("did_policy", "policy", "reference")
CLAIMS = ("did.app-k.trained", "did.app-k.1")
ENTROPY = ("did.app-k.trained", "did.app-k.formula")
UNSEEN = "responses that no model drew are not seen, and may carry much of the DID"
SMALL = 1 / 3  # of a standard error: a bias of this size takes 1.3 % off an interval's 95 %


def slopes(scores: Scores) -> Entry:
    """beta'-accuracy: for how many prompts the stand-in rises with the log-ratio."""
    trained, policy, reference = _columns(scores, "did-sample")
    signs = np.array(
        [slope_sign(trained[k], policy[k], reference[k]) for k in _by_prompt(scores) if len(k) >= 2] or [np.nan]
    )
    told = ~np.isnan(signs)
    hits, few = signs[told] >= 0, "no prompt has a slope" if not told.any() else ""
    return entry(
        "did.slope-accuracy", "prompts for which log pi-tilde rises with the log-ratio (beta'-accuracy)",
        grouped_share(hits if told.any() else np.array([False]), np.arange(max(1, int(told.sum())))), unit="share",
        claims=("did.app-k.1",), caution=few, shows="low: the stand-in is not the DID",
        cannot="high does not show that it is: it speaks of order, not of values",
    )


def followed(scores: Scores) -> Iterator[Entry]:
    """On all responses that were drawn: the slope of the stand-in on the log-ratio, and how much of it is explained."""
    roles = [r for r in DRAWN if all(scores.has(m, r) for m in MODELS)]
    trained, policy, reference = (np.concatenate([_columns(scores, r)[k] for r in roles]) for k in range(3))
    prompt = np.concatenate([scores.of(r, "prompt") for r in roles]).astype(str)
    x, y = _centred(policy - reference, prompt), _centred(trained, prompt)
    if not x.any():
        return
    few = rare(group_means(x * x, prompt))
    yield entry(
        "did.stand-in.slope", "slope of log pi-tilde on the log-ratio, within prompts (beta')",
        grouped_ratio(x * y, x * x, prompt), unit="", claims=CLAIMS, cannot=UNSEEN, caution=few,
        shows="1 for the DID; below: its training has not come far enough",
    )
    left = grouped_ratio((y - x) ** 2, x * x, prompt)
    found = Grouped(1 - left.value, left.standard_error, left.count, left.units, few or left.caution)
    yield entry(
        "did.stand-in.followed", "share of the log-ratios that log pi-tilde reproduces, within prompts", found,
        unit="", claims=CLAIMS, cannot=UNSEEN,
        shows="1 if it is the DID up to the normaliser, 0 if it might as well be uniform",
    )


def reweighted(scores: Scores) -> Entry:
    """The entropy of the DID from draws of the stand-in, each weighed by what the stand-in gets wrong there."""
    trained, policy, reference = _columns(scores, "did-sample")
    each = [k for k in _by_prompt(scores) if len(k) >= 3]
    if not each:
        return entry(
            "entropy.did.reweighted", "entropy of the DID, from the stand-in's draws with weights",
            Grouped(did_entropy_from_samples(policy, reference, trained), float("inf"), len(trained), 2),
            claims=ENTROPY, caution="three draws for each prompt are needed",
        )
    values = np.array([did_entropy_corrected(policy[k], reference[k], trained[k]) for k in each])
    if len(each) == 1:
        left = did_entropy_left_out(policy, reference, trained)
        error, units = did_entropy_error(policy, reference, trained), len(trained)
    else:
        found, left = grouped_mean(values, np.arange(len(values)).astype(str)), None
        error, units = found.standard_error, found.units
    return entry(
        "entropy.did.reweighted", "entropy of the DID, from the stand-in's draws with weights",
        Grouped(float(values.mean()), error, sum(map(len, each)), units), claims=ENTROPY,
        caution=_uneven(scores, error) or rare(values if left is None else left),
        shows="the entropy of the DID itself, where the stand-in is near to it", cannot=UNSEEN,
    )


def bias(scores: Scores, weighed: Entry, error: float) -> str:
    """Words of caution where the stand-in's own entropy may be off by more than its error can hide."""
    if weighed.caution:
        return f"how far the stand-in is from the DID cannot be told ({weighed.caution})"
    trained, policy, reference = _columns(scores, "did-sample")
    moves: list[float] = []
    spread = 0.0
    for k in (k for k in _by_prompt(scores) if len(k) >= 3):
        t, p, r = trained[k], policy[k], reference[k]
        moves.append(did_entropy_corrected(p, r, t) + float(t.mean()))
        out, n = did_entropy_left_out(p, r, t), len(t)
        if out is not None:  # the difference of both entropies, on the same draws
            spread = float(np.sqrt((n - 1) * np.var(out + (t.sum() - t) / (n - 1))))
    move = float(np.mean(moves))
    if len(moves) > 1:
        spread = float(np.std(moves, ddof=1) / np.sqrt(len(moves)))
    if abs(move) + 2 * spread <= SMALL * error:
        return ""
    return f"the entropy of the stand-in; that of the DID is {move:+.2g} nats away, by the weights of the same draws"


def _uneven(scores: Scores, error: float) -> str:
    """Words of caution where the weights differ so much that a bias is left, or that heavier ones may be missing.

    The relative variance of the weights is taken over all responses that were drawn, by whichever model, so that a
    region which the stand-in neglects shows.
    """
    if np.ptp(_columns(scores, "did-sample")[0]) == 0:
        return "all samples have the same value: rarer responses were not drawn"
    roles = [r for r in DRAWN if all(scores.has(m, r) for m in MODELS)]
    trained, policy, reference = (np.concatenate([_columns(scores, r)[k] for r in roles]) for k in range(3))
    own = np.concatenate([np.full(len(scores.of(r, "id")), r == "did-sample") for r in roles])
    names, which = np.unique(np.concatenate([scores.of(r, "prompt") for r in roles]).astype(str), return_inverse=True)
    log_w = policy - reference - trained
    top = np.full(len(names), -np.inf)
    np.maximum.at(top, which, log_w)
    w = np.exp(log_w - top[which])
    drawn = np.bincount(which, own)
    some = drawn > 0
    mean = np.bincount(which, w * own)[some] / drawn[some]
    size = np.bincount(which)[some]
    variance = np.bincount(which, w * w)[some] / size - (np.bincount(which, w)[some] / size) ** 2
    with np.errstate(divide="ignore"):  # no weight at all on the stand-in's draws
        left = float(np.mean(variance / mean**2 / drawn[some]))
    if left <= SMALL * error:  # the leading term of the bias, twice over; the jackknife takes most of it away
        return ""
    return f"the weights are uneven, so that a bias of {left / 2:.2g} nats or more may be left"


def _columns(scores: Scores, role: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    trained, policy, reference = (scores.of(role, f"{m}_sum") for m in MODELS)
    return trained, policy, reference


def _by_prompt(scores: Scores) -> list[np.ndarray]:
    """Places of the stand-in's draws, by prompt."""
    prompt = scores.of("did-sample", "prompt").astype(str)
    return [np.flatnonzero(prompt == g) for g in np.unique(prompt)]


def _centred(x: np.ndarray, prompt: np.ndarray) -> np.ndarray:
    which = np.unique(prompt, return_inverse=True)[1]
    return x - (np.bincount(which, x) / np.bincount(which))[which]
