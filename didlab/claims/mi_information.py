r"""Eq 4 and Lemma 1 of Mutual Information DPO: the learnable prior and mutual information.

Prompts may never come, rows may be deterministic, and a prior may exclude what the policy does (the functional is then
infinite).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..carriers import carrier_of
from ..conditional import (
    divergences,
    expected_reward,
    information,
    joint,
    marginal,
    regularised_objective,
    variational,
)
from ..engine.channels import Channels, Gains
from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, equal, forall, iff
from ..information import mutual_information

ANY = Channels("policy", priors=("prior",))
FULL = Channels("policy", priors=("prior",), zeros=False)
I = r"I(X;Y)"  # noqa: E741
IG = r"\sum_x p(x)\,D_{KL}[\pi(\cdot|x)\,\|\,\zeta]"


@claim(
    "mi.eq-4", where="Eq 4", title="The joint maximum is the nested one", draws=(ANY, Gains()),
    statement=rf"\max_{{\pi,\zeta}} \left\{{\mathbb{{E}}[r] - \tfrac1\beta {IG}\right\}} = \max_\pi \left\{{\mathbb{{E}}[r] - "
              rf"\tfrac1\beta \min_\zeta {IG}\right\}} = \max_\pi \left\{{\mathbb{{E}}[r] - \tfrac1\beta {I}\right\}}",
    reading="at every policy the inner minimum exists, at the marginal alone, and is the mutual information: the two "
            "maxima are then over the same numbers; both exist, mi.eq-4.attained",
    neighbours={"the mean of the rows": {"mean": True}, "minimum at any prior with its support": {"support": True},
                "by a hundredth at least": {"margin": 1}, "information weighed by beta": {"beta_up": True}},
)
def eq_4(prompts: Any, policy: Any, prior: Any, reward: Any, beta: Any, *, mean: bool = False, support: bool = False,
         margin: int = 0, beta_up: bool = False) -> Relation:
    best = marginal(1 + 0 * prompts, policy) if mean else marginal(prompts, policy)
    inner = regularised_objective(prompts, policy, reward, best, beta=beta)
    value = regularised_objective(prompts, policy, reward, prior, beta=beta)
    b = 1 / beta[..., 0] if beta_up else beta[..., 0]
    nested = expected_reward(prompts, policy, reward) - information(prompts, policy) / b
    same = equal(prior > 0, best > 0) if support else equal(prior, best)
    return both(at_least(100 * (inner - value), margin) if margin else at_least(inner, value, "at the marginal, at a prior"),
                equal(inner, nested, "nested objective"), iff(equal(inner, value), forall(same)))


def double_sum(prompts: Any, policy: Any) -> Any:
    r"""Mutual information as the first display has it, :math:`\sum p(x,y)\log\frac{p(x,y)}{p(x)p(y)}`, 0 log 0 = 0."""
    p = joint(prompts, policy)
    product = p.sum(-1)[..., :, None] * p.sum(-2)[..., None, :]
    rows = [x.reshape(*x.shape[:-2], 1, -1) for x in (p, product)]
    return divergences(*rows)[..., 0]


LEMMA = (rf"{I} = \sum_{{x,y}} p(x,y)\log\tfrac{{p(x,y)}}{{p(x)\,p(y)}} = \min_q I_g(p_X, p_{{Y|X}}, q), \quad "
         r"q^*(y) = \sum_x p(x)\,p(y|x) \text{, and no other } q")


@claim(
    "mi.lemma-1", where="Lemma 1", title="Value and minimiser of the variational functional", draws=(ANY,),
    statement=LEMMA, reading="any finite channel and any q, zeros included; the minimiser is unique",
    neighbours={"mean of the rows": {"mean": True}, "by a hundredth at least": {"margin": 1},
                "the joint entropy for the double sum": {"entropy": True}, "minimiser up to its support": {"support": True}},
)
def lemma_1(prompts: Any, policy: Any, prior: Any, *, mean: bool = False, margin: int = 0, entropy: bool = False,
            support: bool = False) -> Relation:
    best = marginal(1 + 0 * prompts, policy) if mean else marginal(prompts, policy)
    value, least = variational(prompts, policy, prior), variational(prompts, policy, best)
    total = double_sum(1 + 0 * prompts if entropy else prompts, policy)
    same = equal(prior > 0, best > 0) if support else equal(prior, best)
    return both(equal(least, total, "functional at the marginal, and the double sum"),
                at_least(100 * (value - least), margin) if margin else at_least(value, least, "functional"),
                iff(equal(value, least), forall(same)))


@claim(
    "mi.lemma-1.gap", where="Lemma 1", title="What another variational distribution costs", draws=(FULL,), symbolic=(2,),
    statement=rf"I_g(p_X, p_{{Y|X}}, q) = {I} + D_{{KL}}[p_Y\,\|\,q]",
    reading="not in the paper: why the minimiser is the marginal, and the only one",
    neighbours={"divergence reversed": {"reverse": True}, "divergence dropped": {"drop": True}, "1% off": {"slip": True}},
)
def lemma_1_gap(prompts: Any, policy: Any, prior: Any, *, reverse: bool = False, drop: bool = False,
                slip: bool = False) -> Relation:
    m, q = marginal(prompts, policy)[..., None, :], prior[..., None, :]
    cost = divergences(*((q, m) if reverse else (m, q)))[..., 0]
    c = carrier_of(policy)
    total = mutual_information(c.log(prompts), c.log(policy))
    value = variational(prompts, policy, prior)
    return equal(101 * value / 100 if slip else value, total + (0 if drop else cost), "functional")


SEES = (Channels("policy", "prior"), Integers("group", axes=("X",), low=0, high=1))


@claim(
    "mi.sec-3.1.prior-scope", where="3.1 with 4", draws=SEES,
    title="The mutual-information motivation covers the priors of section 4",
    statement=rf"\min_{{\zeta(y|x)}} \sum_x p(x)\,D_{{KL}}[\pi(\cdot|x)\,\|\,\zeta(\cdot|x)] = {I}",
    reading="the priors of section 4 (a reference, an earlier policy, ...) see the prompt, that of Lemma 1 does not: no "
            "such prior may then cost less than the information",
    note="A prior that contains the policy sees the prompt through it, one that depends on labels through the data set.",
)
def scope(prompts: Any, policy: Any, prior: Any) -> Relation:
    return at_least(variational(prompts, policy, prior), information(prompts, policy), "functional and information")


@scope.corrected(
    rf"\min_{{\zeta(y|t(x))}} \sum_x p(x)\,D_{{KL}}[\pi(\cdot|x)\,\|\,\zeta(\cdot|t(x))] = I(X;Y|T) = {I} - I(T;Y): \text{{ the information that }}"
    r" \zeta \text{ does not see; } I(X;Y) \text{ for priors on responses alone, 0 for those that see the prompt}",
    neighbours={"I itself": {"whole": True}, "by a hundredth at least": {"margin": 1}, "1% off": {"slip": True}})
def scope_right(prompts: Any, policy: Any, prior: Any, group: Any, *, whole: bool = False, margin: int = 0,
                slip: bool = False) -> Relation:
    mass, table = grouped(prompts, policy, group)
    seen = (group[..., :, None] * table[..., 1:, :] + (1 - group)[..., :, None] * table[..., :1, :])
    some = group[..., :, None] * prior[..., :1, :] + (1 - group)[..., :, None] * prior[..., -1:, :]
    least, value = variational(prompts, policy, seen), variational(prompts, policy, some)
    total = information(prompts, policy) - (0 if whole else information(mass, table))
    return both(at_least(100 * (value - least), margin) if margin else at_least(value, least, "functional"),
                equal(101 * least / 100 if slip else least, total, "least value"),
                equal(variational(prompts, policy, policy), 0, "where the prior sees the prompt"))


def grouped(prompts: Any, policy: Any, group: Any) -> tuple[Any, Any]:
    """The channel from the group of a prompt, 0 or 1, to the response; an empty group answers as the marginal."""
    member = np.stack([1 - group, group], -2)
    joint_mass = (member[..., None] * joint(prompts, policy)[..., None, :, :]).sum(-2)
    mass = joint_mass.sum(-1)
    empty = np.asarray(mass <= 0).astype(bool)[..., None]
    return mass, np.where(empty, marginal(prompts, policy)[..., None, :], joint_mass)
