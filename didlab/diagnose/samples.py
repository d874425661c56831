r"""What responses that the models themselves drew can tell: entropies, divergences, and the DID of Appendix K.

Samples have the roles sample (drawn by the policy), reference-sample, and did-sample (by the stand-in for the DID).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..bridge.table import DRAWN, Scores
from ..estimators.appendix_k import did_entropy_error, did_entropy_from_samples, effective_size
from ..estimators.clusters import Grouped, group_means, grouped_mean, grouped_ratio, grouped_share
from . import stand_in
from .entry import Entry, entry

__all__ = ["entropies"]

NAMES = {"sample": "policy", "reference-sample": "reference", "did-sample": "did.trained"}
WHO = {"sample": "the policy", "reference-sample": "the reference", "did-sample": "the stand-in"}
TITLES = {
    "sample": "entropy of the policy", "reference-sample": "entropy of the reference",
    "did-sample": "entropy of the DID, by the policy trained to it",
}
CLAIM_41 = ("did.claim-4.1.reinforcing", "did.claim-4.1.smoothing", "did.claim-4.1.converse")
CLAIMS = {
    "sample": ("did.app-k.entropy", *CLAIM_41),
    "reference-sample": ("did.app-k.entropy", *CLAIM_41),
    "did-sample": ("did.app-k.trained", "did.app-k.greedy", "did.sec-4.2.displacement", *CLAIM_41),
}
DRAWS = "only responses drawn at temperature 1 give an entropy; those as long as the limit are cut there"
STAND_IN = "it is that of the stand-in, which is the DID only if its training converged: see slopes and residual"
FLAT = "all samples have the same value: rarer responses were not drawn"
APART = "fewer than two prompts have samples of both: means over different prompts are compared"
UNBOUNDED = "the weights 1/ref have no bound: responses that were never drawn may carry most of Z"


def entropies(scores: Scores) -> Iterator[Entry]:
    """Entropies per sequence and per token, divergence from the reference, and the DID, as far as there are samples."""
    there = [r for r, column in DRAWN.items() if scores.has(column, r) and len(scores.of(r, "id")) >= 2]
    judged = "did-sample" in there and scores.has("policy", "did-sample") and scores.has("reference", "did-sample")
    weighed = stand_in.reweighted(scores) if judged else None
    for role in there:
        yield from _entropy(scores, role, weighed)
    if weighed:
        yield weighed
    if "sample" in there and scores.has("reference", "sample"):
        yield entry(
            "divergence.policy", "KL divergence of the policy from the reference",
            _mean(scores, {"sample": {"policy": 1, "reference": -1}}), cannot=DRAWS,
        )
        yield from _formula(scores)
    if "reference-sample" in there and scores.has("policy", "reference-sample"):
        yield from _closed_form(scores)
    if {"sample", "reference-sample"} <= set(there):
        yield entry(
            "entropy.change", "entropy of the policy minus that of the reference",
            _mean(scores, {"sample": {"policy": -1}, "reference-sample": {"reference": 1}}), claims=CLAIM_41,
            shows="below 0: the policy reinforces what the reference does; above 0: it smooths it", cannot=DRAWS,
        )
    if judged:
        yield stand_in.slopes(scores)
        yield from stand_in.followed(scores)
        if "reference-sample" in there and all(scores.has(m, "reference-sample") for m in ("policy", "did_policy")):
            yield from _identity(scores)


def _entropy(scores: Scores, role: str, weighed: Entry | None) -> Iterator[Entry]:
    surprise, prompt = -scores.of(role, f"{DRAWN[role]}_sum"), scores.of(role, "prompt")
    cannot = DRAWS + ("; " + STAND_IN if role == "did-sample" else "")
    flat = "" if np.ptp(surprise) > 0 else FLAT
    name, title, found = f"entropy.{NAMES[role]}", TITLES[role], grouped_mean(surprise, prompt)
    if role == "did-sample":
        unsure = "it was not compared with policy and reference"
        flat = flat or (stand_in.bias(scores, weighed, found.standard_error) if weighed else unsure)
    yield entry(
        name, title, found, claims=CLAIMS[role], cannot=cannot, caution=flat,
        shows="mean over prompts of the entropy given the prompt",
    )
    tokens = scores.of(role, "tokens")
    if (tokens > 0).all():
        yield entry(
            f"{name}.per-token", f"{title}, per token", grouped_ratio(surprise, tokens, prompt), unit="nats/token",
            claims=CLAIMS[role], cannot=cannot, caution=flat, shows="entropy over expected number of tokens",
        )
        limit = (scores.about.get("sampling") or {}).get("length")
        if limit:
            yield entry(
                f"{name}.cut", f"samples as long as the limit, {WHO[role]}",
                grouped_share(tokens >= limit, prompt), unit="share",
                shows="how many may have been cut; the entropy is then that of the cut responses",
            )


def _closed_form(scores: Scores) -> Iterator[Entry]:
    """What the closed form says about chosen responses, if they came from the reference: -KL[ref, pi]."""
    yield entry(
        "displacement.predicted", "change expected of responses that come from the reference, -KL[ref, pi]",
        _mean(scores, {"reference-sample": {"policy": 1, "reference": -1}}),
        claims=("did.likelihood.chosen", "did.sec-4.2.displacement"),
        shows="what happens to chosen responses whose writer is the reference: never above 0",
        cannot="chosen responses of another writer follow no such law",
    )
    if scores.has("policy") and scores.has("reference"):
        parts = {"chosen": {"policy": 1, "reference": -1}, "reference-sample": {"policy": -1, "reference": 1}}
        yield entry(
            "displacement.unexpected", "change of the chosen minus that expectation", _mean(scores, parts),
            claims=("did.likelihood.chosen",), shows="not 0: the chosen responses are not draws of the reference",
            cannot="0 does not show that they are: other writers may share the mean",
        )


def _formula(scores: Scores) -> Iterator[Entry]:
    """Appendix K's formula with the partition function estimated, prompt by prompt; never to be trusted blindly."""
    policy, reference = (scores.of("sample", f"{m}_sum") for m in ("policy", "reference"))
    prompt = scores.of("sample", "prompt").astype(str)
    each = [np.flatnonzero(prompt == g) for g in np.unique(prompt)]
    each = [k for k in each if len(k) >= 2]
    if not each:
        return  # one response to each prompt estimates no partition function
    values = np.array([did_entropy_from_samples(policy[k], reference[k]) for k in each])
    size = min(effective_size(-reference[k]) for k in each)
    if len(values) > 1:
        found = grouped_mean(values, [str(n) for n in range(len(values))])
        found = Grouped(found.value, found.standard_error, len(policy), len(values))
    else:
        n = len(each[0])
        error = did_entropy_error(policy[each[0]], reference[each[0]])
        found = Grouped(float(values[0]), error, n, n)
    yield entry(
        "entropy.did.formula", "entropy of the DID, with Z estimated from samples", found,
        claims=("did.app-k.formula", "did.app-k.partition", *CLAIM_41), shows="a first look", cannot=UNBOUNDED,
        caution=f"{UNBOUNDED}; effective sample size at least {size:.1f} for each prompt",
    )


def _identity(scores: Scores) -> Iterator[Entry]:
    """Both differences of Appendix E's identity, and what is left: 0 where the stand-in is the DID."""
    first = {"did-sample": {"reference": 1, "policy": -1}}
    second = {"reference-sample": {"policy": 1, "did_policy": -1}}
    left = {
        "did-sample": {"did_policy": -1, "reference": -1, "policy": 1},
        "reference-sample": {"reference": 1, "policy": -1, "did_policy": 1},
    }
    for name, title, parts, shows in (
        ("first", "KL[q, pi] - KL[q, ref], q the stand-in", first,
         "above 0: the stand-in is nearer to the reference"),
        ("second", "KL[ref, q] - KL[ref, pi]", second,
         "above 0: the reference is nearer to the policy"),
        ("residual", "entropy gained over the reference minus both differences", left, "not 0: q is not the DID"),
    ):
        yield entry(
            f"did.identity.{name}", title, _mean(scores, parts), claims=("did.app-e.identity",), shows=shows,
            cannot=STAND_IN,
        )


def _mean(scores: Scores, parts: dict[str, dict[str, int]]) -> Grouped:
    """A sum of means, each over the samples of one role, of a signed sum of columns."""
    values = {r: sum(s * scores.of(r, f"{m}_sum") for m, s in p.items()) for r, p in parts.items()}
    prompts = {r: scores.of(r, "prompt").astype(str) for r in parts}
    flat = FLAT if any(np.ptp(v) == 0 for v in values.values()) else ""
    common = sorted(set.intersection(*(set(p) for p in prompts.values())))
    if len(common) < 2 or len(parts) == 1:
        apart = APART if any(len(set(p)) > len(common) for p in prompts.values()) else ""
        found = [grouped_mean(values[r], prompts[r]) for r in parts]
        count, units = sum(f.count for f in found), min(f.units for f in found)
        error = float(np.sqrt(sum(f.standard_error**2 for f in found)))
        caution = apart or next((f.caution for f in found if f.caution), flat)
        return Grouped(sum(f.value for f in found), error, count, units, caution)
    keep = {r: np.isin(prompts[r], common) for r in parts}
    total = sum(group_means(np.asarray(values[r])[keep[r]], prompts[r][keep[r]]) for r in parts)
    found = grouped_mean(total, common)
    count = sum(map(len, prompts.values()))
    return Grouped(found.value, found.standard_error, count, found.units, found.caution or flat)
