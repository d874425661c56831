r"""Update rules that are no gradient of a loss: DPO-PG, and pairwise-normalised gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..objectives import Objective, get
from ..objectives.form import Form

__all__ = ["Rule", "dpo_pg", "label", "normalised"]


@dataclass(frozen=True)
class Rule:
    """An update rule: its name, and the form of the loss whose pair weights it uses.

    >>> dpo_pg().name
    'dpo-pg'
    """

    name: str
    form: Form


def dpo_pg() -> Rule:
    r"""DPO-Projected Gradient.

    .. math:: \nabla L(y_w) - \frac{\alpha}{\|\nabla L(y_l)\|^2} \nabla L(y_l),
        \quad \alpha = \max(0, \nabla L(y_w) \cdot \nabla L(y_l))

    L is the batch's mean negative log-likelihood; the result is clipped and handed to the optimiser as a gradient.

    >>> dpo_pg().form.link
    'none'

    Ref: Won et al. 2025, Definition H.1.
    """
    return Rule("dpo-pg", Form())


def normalised(objective: Objective | None = None) -> Rule:
    r"""Pairwise-normalised gradients: each log-likelihood gradient divided by its norm.

    .. math:: d_w \frac{\nabla\log\pi(y_w)}{\|\nabla\log\pi(y_w)\|}
        + d_l \frac{\nabla\log\pi(y_l)}{\|\nabla\log\pi(y_l)\|}

    Args:
        objective: a logistic loss of a margin, DPO with beta = 1 by default; it supplies d_w and d_l.

    Returns:
        the rule.

    Raises:
        ArgumentError: another kind of loss.

    >>> normalised().name
    'normalised dpo'
    """
    objective = get("dpo") if objective is None else objective
    fits = isinstance(objective, Objective) and objective.form.link == "logistic" and objective.form.is_margin
    if not fits:
        got = objective.name if isinstance(objective, Objective) else repr(objective)[:60]
        raise ArgumentError("objective", "a logistic loss of a margin, such as get('dpo'), log-pi or simpo", got)
    return Rule(f"normalised {objective.name}", objective.form)


def label(configuration: Any) -> str:
    """A short text that names a configuration and its numbers.

    Args:
        configuration: an objective, a rule or a function.

    Returns:
        the name, with the hyper-parameters in parentheses.

    >>> label(get("slic", beta=0.5, lam=10.0))
    'slic(beta=0.5, lam=10.0, convention=margin)'
    """
    hyper = getattr(configuration, "hyper", {})
    inside = ", ".join(f"{k}={v}" for k, v in hyper.items())
    name = getattr(configuration, "name", None) or getattr(configuration, "__qualname__", repr(configuration))
    return f"{name}({inside})" if inside else str(name)
