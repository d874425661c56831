"""Entropies from responses that the policy itself wrote (role `sample`), per sequence and per token."""

from __future__ import annotations

from collections.abc import Iterator

from ..bridge.table import Scores
from ..estimators import mean_estimate
from .entry import Entry, entry

__all__ = ["entropies"]

CLAIMS = ("did.app-k.entropy",)


def entropies(scores: Scores) -> Iterator[Entry]:
    """Monte-Carlo entropy of the policy and its divergence from the reference, if there are samples."""
    policy = scores.of("sample", "policy_sum")
    if len(policy) < 2:
        return
    tokens = scores.of("sample", "tokens")
    cannot = "only responses drawn from the policy at temperature 1 give its entropy"
    yield entry("entropy.policy", "entropy of the policy", mean_estimate(-policy), claims=CLAIMS, cannot=cannot)
    yield entry(
        "entropy.policy.per-token", "entropy of the policy, per token", mean_estimate(-policy / tokens),
        unit="nats/token", claims=CLAIMS, cannot=cannot,
    )
    if scores.has("reference"):
        change = policy - scores.of("sample", "reference_sum")
        yield entry(
            "divergence.policy", "KL divergence of the policy from the reference", mean_estimate(change), cannot=cannot
        )
