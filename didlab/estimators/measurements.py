r"""The measurements that claims speak of: the exact form (all outcomes known) and the sample form of the same name.

A sample form takes columns of log-probabilities of sampled responses. Where none exists, the measurement cannot be
estimated from such columns alone, and the entry says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import did, information, policies, preference
from ..errors import ArgumentError
from .estimate import Estimate, column, mean_estimate, slope_estimate

__all__ = ["MEASUREMENTS", "Measurement"]


@dataclass(frozen=True)
class Measurement:
    """One quantity: its exact form, its sample form or the reason why there is none, and what the columns are."""

    name: str
    exact: Callable[..., Any]
    sample: Callable[..., Estimate] | None
    columns: str


def _difference(first: str, a: Any, second: str, b: Any) -> Any:
    x, y = column(first, a), column(second, b)
    if len(x) != len(y):
        raise ArgumentError(second, f"as long as `{first}` ({len(x)})", str(len(y)))
    return x - y


def entropy(policy: Any) -> Estimate:
    r""":math:`H(\pi)`, from :math:`\log\pi(y)` of responses sampled from the policy at temperature 1.

    Ref: Won et al. 2025, Appendix K.

    >>> entropy([-1.0, -2.0, -3.0]).value
    2.0
    """
    return mean_estimate(-column("policy", policy))


def kl_divergence(policy: Any, reference: Any) -> Estimate:
    r""":math:`D_{KL}[\pi\|\pi_{ref}]`, from responses sampled from the policy.

    >>> kl_divergence([-1.0, -1.0], [-2.0, -3.0]).value
    1.5
    """
    return mean_estimate(_difference("policy", policy, "reference", reference))


def log_ratio(policy: Any, reference: Any) -> Estimate:
    r"""Mean of :math:`\log\pi(y) - \log\pi_{ref}(y)` over given responses: the displacement of their likelihood.

    >>> log_ratio([-1.0, -1.0], [-2.0, -3.0]).value
    1.5
    """
    return kl_divergence(policy, reference)


def power_law(target: Any, reference: Any, rejected: Any) -> Estimate:
    r"""Exponent of :math:`q_{ref/l} \propto q_{*/ref}^\beta`, from three log-probabilities of the same responses.

    >>> power_law([0.0, -1.0, -3.0], [-1.0, -1.0, -1.0], [-3.0, -1.0, 3.0]).value
    2.0
    """
    x = _difference("target", target, "reference", reference)
    return slope_estimate(x, _difference("reference", reference, "rejected", rejected))


def label_probability(gain: Any) -> Estimate:
    r"""Mean preference probability :math:`\sigma(x)` of the labelled pairs, from their log-margin gains x in nats.

    >>> label_probability([0.0, 0.0]).value
    0.5
    """
    return mean_estimate(preference.bradley_terry(column("gain", gain), 0 * column("gain", gain)))


MEASUREMENTS = {
    m.name: m
    for m in (
        Measurement("entropy", information.entropy, entropy, "log pi(y), y sampled from pi"),
        Measurement(
            "kl_divergence", information.kl_divergence, kl_divergence, "log pi(y), log ref(y), y sampled from pi"
        ),
        Measurement("js_divergence", information.js_divergence, None, "needs samples of both policies scored by both"),
        Measurement("log_ratio", did.log_ratio, log_ratio, "log pi(y), log ref(y) of given responses"),
        Measurement("log_margin", did.log_margin, None, "is itself a column: one number for each pair"),
        Measurement("power_law", did.power_law, power_law, "log target(y), log ref(y), log rejected(y)"),
        Measurement(
            "label_probability", preference.label_probability, label_probability, "gain in log-margin of a pair"
        ),
        Measurement("did_distribution", did.did_distribution, None, "its normaliser Z is a sum over all responses"),
        Measurement("ideal_rejected", did.ideal_rejected, None, "a distribution, not a number"),
        Measurement("probabilities", policies.probabilities, None, "a distribution, not a number"),
        Measurement("log_partition", did.log_partition, None, "the estimate of Z has unbounded relative variance"),
        Measurement("did_entropy", did.did_entropy, None, "needs Z, or a policy trained with r = log pi"),
    )
}
