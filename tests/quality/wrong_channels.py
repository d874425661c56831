"""False statements about prompts and their responses that are wrong at one point, on one border, or far out alone."""

from __future__ import annotations

from didlab.carriers import carrier_of
from didlab.claims.formulas import differences
from didlab.claims.mi_interpretation import bayes
from didlab.conditional import (
    divergences,
    information,
    marginal,
    optimal_policy,
    optimal_value,
    regularised_objective,
    variational,
)
from didlab.engine.relations import at_least, both, equal, forall, greater, implies
from didlab.preference import preference_matrix

from .wrong import wrong


@wrong("mi.eq-2", "no preference is below a hundredth")
def _(reward):
    return forall(at_least(100 * preference_matrix(reward), 1))


@wrong("mi.lemma-1", "the information is below the logarithm of the prompts: wrong if each has its own response")
def _(prompts, policy):
    most = carrier_of(policy).log(0 * prompts[..., 0] + prompts.shape[-1])
    return implies(greater(most, 0), greater(most, information(prompts, policy)))


@wrong("mi.lemma-1.gap", "no row is more than 5 nats from a prior that excludes nothing")
def _(policy, prior):
    return implies(forall(greater(prior, 0)), forall(at_least(5, divergences(policy, prior[..., None, :]))))


@wrong("mi.lemma-1.interpretation", "no more than a bit: so for two prompts")
def _(prompts, policy):
    return at_least(carrier_of(policy).log(0 * prompts[..., 0] + 2), information(prompts, policy))


@wrong("mi.lemma-1", "a prior costs less than its least share would: wrong if every prompt gets that response")
def _(prompts, policy, prior):
    c = carrier_of(prior)
    all_there = forall(greater(prior, 0))
    least = c.log(prior.min(-1) + 1 * (prior.min(-1) == 0))
    return implies(all_there, greater(-least, variational(prompts, policy, prior)))


@wrong("mi.lemma-1.interpretation.accuracy", "the gain stays below 1 - 1/K: wrong if each response has its own prompt")
def _(prompts, policy):
    seen, unseen = bayes(prompts, policy)
    k = policy.shape[-1]
    return greater(k - 1, k * (seen - unseen))


@wrong("mi.lemma-1.interpretation.closer-distance", "the mean of two priors is as good as the better one")
def _(prompts, policy, prior, second):
    costs = [variational(prompts, policy, p) for p in (prior, second)]
    there = forall(both(greater(prior, 0), greater(second, 0)))
    middle = variational(prompts, policy, (prior + second) / 2)
    return implies(there, both(*(at_least(cost, middle) for cost in costs)))


@wrong("mi.eq-2", "up to 2 nats a preference is a fifth of the margin from 1/2: so up to 17/10")
def _(reward):
    p, gap = preference_matrix(reward), differences(reward)
    near = both(at_least(2, gap), at_least(gap, 0))
    return forall(implies(near, at_least(10 * p - 5, 2 * gap)))


@wrong("mi.eq-5", "only the optimum attains the optimal value: wrong at prompts that never come")
def _(prompts, policy, prior, reward, beta):
    value = regularised_objective(prompts, policy, reward, prior, beta=beta)
    best = optimal_value(prompts, reward, prior, beta=beta)
    there = forall(greater(prior, 0))
    return implies(both(there, equal(value, best)), forall(equal(policy, optimal_policy(reward, prior, beta=beta))))


@wrong("mi.eq-5", "the optimum prefers what has the larger reward")
def _(prior, reward, beta):
    best, gap = optimal_policy(reward, prior, beta=beta), differences(reward)
    return forall(implies(greater(gap, 0), greater(differences(best), 0)))


@wrong("mi.lemma-1.interpretation.closer-model", "a prior costs at least twice the information")
def _(prompts, policy, prior):
    return at_least(variational(prompts, policy, prior), 2 * information(prompts, policy))


@wrong("mi.eq-4", "the best prior for a policy is its first row where that comes as often as all the others")
def _(prompts, policy, prior):
    often = at_least(2 * prompts[..., 0], prompts.sum(-1))
    first = variational(prompts, policy, policy[..., 0, :])
    return implies(both(often, forall(greater(policy, 0))), at_least(variational(prompts, policy, prior), first))


@wrong("mi.sec-3.1.prior-scope", "a prompt that comes half of the time has half of the information")
def _(prompts, policy):
    m = marginal(prompts, policy)
    part = prompts[..., 0] * divergences(policy, m[..., None, :])[..., 0]
    often = at_least(2 * prompts[..., 0], prompts.sum(-1))
    return implies(often, at_least(2 * part, information(prompts, policy)))
