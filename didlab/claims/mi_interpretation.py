r"""The text after Lemma 1 of Mutual Information DPO: each sentence that has a formal content, in its readings."""

from __future__ import annotations

from typing import Any

from ..conditional import divergences, entropies, information, joint, marginal, variational
from ..engine.channels import Channels
from ..engine.claim import claim
from ..engine.kinds import Integers
from ..engine.relations import Relation, at_least, both, either, equal, forall, iff
from .mi_information import ANY, I

TWO = Channels("policy", "other")


def bayes(prompts: Any, policy: Any) -> tuple[Any, Any]:
    """Chances of guessing the response: from the prompt, and without it."""
    p = joint(prompts, policy)
    return p.max(-1).sum(-1), marginal(prompts, policy).max(-1)


def given(prompts: Any, policy: Any) -> Any:
    """Conditional entropy of the responses given the prompt: the least expected log-loss of a prediction from it."""
    return (prompts * entropies(policy)).sum(-1)


@claim(
    "mi.lemma-1.interpretation", where="text after Lemma 1", draws=(TWO,),
    title="Mutual information measures how well the response is predicted from the prompt",
    statement=rf"{I}_\pi > {I}_{{\pi'}} \implies \text{{the least log-loss }} H_\pi(Y|X) \le H_{{\pi'}}(Y|X)",
    reading="two policies over the same prompts: the more information, the better the best prediction from the prompt",
)
def predicts(prompts: Any, policy: Any, other: Any) -> Relation:
    less = at_least(information(prompts, other), information(prompts, policy), "information")
    return either(less, at_least(given(prompts, other), given(prompts, policy), "log-loss given the prompt"))


@predicts.corrected(
    rf"{I} = H(Y) - H(Y|X) \ge 0 \text{{: how much the prompt lowers the least log-loss, and 0}} \iff \pi(\cdot|x) \text{{ is the "
    r"same wherever } p(x) > 0",
    neighbours={"1% off": {"slip": True}, "H(X) for H(Y)": {"of": "prompts"}, "0 iff all rows are equal": {"all_rows": True},
                "0 iff the first row is the marginal": {"first": True}})
def lowers(prompts: Any, policy: Any, *, slip: bool = False, of: str = "responses", all_rows: bool = False,
           first: bool = False) -> Relation:
    value, m = information(prompts, policy), marginal(prompts, policy)
    before = entropies(prompts if of == "prompts" else m)
    gap = policy - m[..., None, :]
    gap = gap if all_rows else prompts[..., None] * gap
    return both(equal(101 * value / 100 if slip else value, before - given(prompts, policy), "fall of the log-loss"),
                at_least(value, 0), iff(equal(value, 0), forall(equal(gap[..., :1, :] if first else gap, 0))))


@claim(
    "mi.lemma-1.interpretation.accuracy", where="text after Lemma 1", draws=(TWO,),
    title="More information is a more accurate guess",
    statement=rf"{I}_\pi > {I}_{{\pi'}} \implies \mathbb{{E}}\max_y \pi(y|x) \ge \mathbb{{E}}\max_y \pi'(y|x)",
    reading="prediction read as the chance that the best guess from the prompt is right",
)
def accuracy(prompts: Any, policy: Any, other: Any) -> Relation:
    less = at_least(information(prompts, other), information(prompts, policy), "information")
    return either(less, at_least(bayes(prompts, policy)[0], bayes(prompts, other)[0], "chance of a right guess"))


@accuracy.corrected(
    rf"\mathbb{{E}}\max_y \pi(y|x) - \max_y m(y) \le \sqrt{{{I}/2}}: \text{{ information bounds what the prompt adds to the "
    r"chance of a right guess, which may be nothing}",
    neighbours={"half the bound": {"factor": 8}, "without the best blind guess": {"blind": False},
                "bound I / 2": {"linear": True}})
def accuracy_gain(prompts: Any, policy: Any, *, factor: int = 2, blind: bool = True, linear: bool = False) -> Relation:
    seen, unseen = bayes(prompts, policy)
    gain = seen - unseen if blind else seen
    value = information(prompts, policy)
    bound = factor * gain * gain if not linear else 2 * gain
    return both(at_least(gain, 0, "what the prompt adds"), at_least(value, bound, "information"))


@claim(
    "mi.lemma-1.interpretation.closer-distance", where="text after Lemma 1",
    draws=(Channels("policy", priors=("prior", "second"), zeros="prompts"),),
    title="The closer q is to the rows, the better it captures the dependency",
    statement=r"\mathbb{E}\,\|\pi(\cdot|x) - q\|_1 < \mathbb{E}\,\|\pi(\cdot|x) - q'\|_1 \implies I_g(q) \le I_g(q')",
    reading="closer as the mean total variation between the rows and q, a distance that the text does not name; capturing as a lower "
            "functional of the lemma, which is nearer to the information; full support",
    note="With the functional itself for closeness the sentence says a number twice, and nothing is left to judge.",
)
def closer_distance(prompts: Any, policy: Any, prior: Any, second: Any) -> Relation:
    near = at_least(distance(prompts, policy, prior), distance(prompts, policy, second), "distances")
    return either(near, at_least(variational(prompts, policy, second), variational(prompts, policy, prior), "functional"))


def distance(prompts: Any, policy: Any, prior: Any) -> Any:
    """Mean L1 distance of the rows from q, twice the total variation."""
    return (prompts * abs(policy - prior[..., None, :]).sum(-1)).sum(-1)


@closer_distance.corrected(
    r"I_g(q) \ge \tfrac12\left(\mathbb{E}\,\|\pi(\cdot|x) - q\|_1\right)^2 \text{ (Pinsker), and } I_g(q) \le I_g(q') \iff "
    r"D_{KL}[m\|q] \le D_{KL}[m\|q']: \text{ closeness to the marginal decides, not to the rows}",
    neighbours={"without 1/2": {"factor": 1}, "divergences reversed": {"reverse": True}, "7/10 for 1/2": {"tenths": 7}})
def closer_bound(prompts: Any, policy: Any, prior: Any, second: Any, *, factor: int = 2, reverse: bool = False,
                 tenths: int = 5) -> Relation:
    far, m = distance(prompts, policy, prior), marginal(prompts, policy)[..., None, :]
    a, b = (variational(prompts, policy, q) for q in (prior, second))
    rows = [(q[..., None, :], m) if reverse else (m, q[..., None, :]) for q in (prior, second)]
    first, last = (divergences(*pair)[..., 0] for pair in rows)
    weight = 10 if tenths == 5 else 2 * tenths
    return both(at_least(factor * 10 * a, weight * far * far, "functional and distance"),
                iff(at_least(b, a, "functional"), at_least(last, first, "divergence of the marginal")))


@claim(
    "mi.lemma-1.interpretation.closer-model", where="text after Lemma 1", draws=(ANY,),
    title="A variational model captures the dependency between prompt and response",
    statement=r"p(x)\,q(y) \text{ has the mutual information of } p(x)\,\pi(y|x) \text{ if } q \text{ is closest, } q = q^*",
    reading="captures: the model of the data that q gives has the dependency of the data",
)
def model(prompts: Any, policy: Any) -> Relation:
    m = marginal(prompts, policy)
    rows = 0 * policy + m[..., None, :]
    return equal(information(prompts, rows), information(prompts, policy), "information of the model and of the data")


@model.corrected(
    rf"q \text{{ sees no prompt: }} p(x)\,q(y) \text{{ has information 0 for every }} q, \text{{ and }} I_g(q) \ge {I} \text{{ bounds what it misses}}",
    neighbours={"the data's information": {"data": True}, "by a hundredth at least": {"margin": 1},
                "misses I at every q": {"exact": True}})
def model_right(prompts: Any, policy: Any, prior: Any, *, data: bool = False, margin: int = 0,
                exact: bool = False) -> Relation:
    rows = 0 * policy + prior[..., None, :]
    total, value = information(prompts, policy), variational(prompts, policy, prior)
    missed = equal(value, total) if exact else at_least(value - total, margin * total / 100, "what q misses")
    return both(equal(information(prompts, policy if data else rows), 0, "information of the model"), missed)


@claim(
    "mi.lemma-1.interpretation.conditioned", where="text after Lemma 1", draws=(ANY,),
    title="The best q is the true marginal of Y conditioned on X",
    statement=r"q^*(y) = p(y|x) \text{ where } p(x) > 0",
    reading="conditioned on X, as written; the lemma itself has the marginal",
)
def conditioned(prompts: Any, policy: Any) -> Relation:
    return forall(equal(prompts[..., None] * (policy - marginal(prompts, policy)[..., None, :]), 0, "row and marginal"))


@conditioned.corrected(
    rf"q^*(y) = \sum_x p(x)\,p(y|x), \text{{ which is }} p(y|x) \text{{ wherever }} p(x) > 0 \iff {I} = 0",
    neighbours={"iff all rows are equal": {"all_rows": True}, "iff the first row is the marginal": {"first": True},
                "iff X or Y is constant": {"constant": True}})
def conditioned_iff(prompts: Any, policy: Any, prior: Any, *, all_rows: bool = False, first: bool = False,
                    constant: bool = False) -> Relation:
    gap = policy - marginal(prompts, policy)[..., None, :]
    gap = gap if all_rows else prompts[..., None] * gap
    m, total = marginal(prompts, policy), information(prompts, policy)
    zero = either(equal(prompts.max(-1), 1), equal(m.max(-1), 1)) if constant else equal(total, 0, "information")
    return both(iff(forall(equal(gap[..., :1, :] if first else gap, 0)), zero),
                iff(equal(variational(prompts, policy, prior), total, "functional"), forall(equal(prior, m))))


@claim(
    "mi.lemma-1.interpretation.aligns", where="text after Lemma 1",
    draws=(Channels("policy", priors=("prior",)), Integers("other", axes=("X",), low=0, high=9)),
    title="The optimal approximation aligns with the data",
    statement=r"D_{KL}[p_{XY}\,\|\,a \times q] \text{ is least over all products at } a = p_X,\; q = q^*",
    reading="the data: the joint distribution of prompts and responses; the best product of any two distributions",
    neighbours={"by a hundredth at least": {"margin": 1}, "mean of the rows": {"mean": True}, "reversed": {"reverse": True}},
)
def aligns(prompts: Any, policy: Any, prior: Any, other: Any, *, margin: int = 0, mean: bool = False,
           reverse: bool = False) -> Relation:
    a = (1 + other) / (1 + other).sum(-1, keepdims=True)
    p, m = joint(prompts, policy), marginal(1 + 0 * prompts if mean else prompts, policy)

    def cost(x: Any, y: Any) -> Any:
        rows = [t.reshape(*t.shape[:-2], 1, -1) for t in (p, x[..., :, None] * y[..., None, :])]
        return divergences(*(rows[::-1] if reverse else rows))[..., 0]

    best, value = cost(prompts, m), cost(a, prior)
    return at_least(100 * (value - best), margin) if margin else at_least(value, best, "divergence from a product")
