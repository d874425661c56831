r"""The displayed expansions of :math:`\alpha\log\frac{\pi(y|x)}{\zeta(y)}` in Appendix B, line by line.

Every expansion is a left side and displayed lines, each a sum of terms; all lines are equal to the left side. Signs are
as printed; slips in what a symbol stands for are mended, each named in the reading of its entry. Ratios are checked at
both responses of a pair, differences between them.

Ref: Tutunov et al. 2025, Appendix B.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..engine.claim import Claim, claim
from ..engine.kinds import Kind
from ..engine.relations import Relation, both, equal, forall
from ..engine.token_pairs import NotNegative, TokenPairs, TokenWeights
from ..objectives.token_pair import TokenPair, token_pair
from .expansions import (
    Expansion,
    rdpo_margin,
    rdpo_ratio,
    simpo_margin,
    simpo_margin_corrected,
    simpo_ratio,
    sparse_margin,
    sparse_prior,
    sparse_ratio,
    tdpo_margin,
    tdpo_ratio,
    tis_margin,
    tis_prior,
    tis_ratio,
)
from .reductions import by_name

__all__: list[str] = []

ALPHA = NotNegative("alpha", positive=True)


def lines(expansion: Expansion, pair: TokenPair, change: str, **hyper: Any) -> list[Relation]:
    """Every line of an expansion is its left side; a change spoils the last line."""
    left, shown = expansion(pair, **hyper)
    *front, last = shown
    if change == "sign":
        last = [*last[:-1], -last[-1]]
    elif change == "dropped":
        last = last[:-1]
    elif change == "near":
        last = [*last[:-1], last[-1] * 51 / 50]
    out: list[Relation] = []
    for number, line in enumerate([*front, last], 1):
        value = line[0] if line else 0
        for term in line[1:]:
            value = value + term
        out.append(forall(equal(left, value, f"line {number}")))
    return out


SPOILED = {"last term off by two per cent": dict(change="near"), "last term of the other sign": dict(change="sign"),
           "last term dropped": dict(change="dropped")}
PAIRS, APART = TokenPairs(), TokenPairs(different=True)
HYPER: dict[str, tuple[tuple[str, ...], tuple[Kind, ...]]] = {
    "simpo": (("alpha", "gamma"), (APART, ALPHA, NotNegative("gamma"))),
    "rdpo": (("alpha", "bonus"), (PAIRS, ALPHA, NotNegative("bonus"))),
    "tdpo": (("alpha",), (PAIRS, ALPHA)),
    "sparsepo": (("alpha", "reward_mask", "divergence_mask"),
                 (PAIRS, ALPHA, TokenWeights("reward_mask", "divergence_mask", of_tokens=True))),
    "tisdpo": (("alpha", "weights"), (APART, ALPHA, TokenWeights("weights"))),
}


def check_of(expansion: Expansion, names: tuple[str, ...]) -> Callable[..., Relation]:
    """The check of one expansion, its hyper-parameters by name."""
    def check(policy: Any, reference: Any, tokens: Any, lengths: Any, change: str = "", **hyper: Any):
        parts = lines(expansion, token_pair(policy, reference, tokens, lengths), change, **hyper)
        return both(*parts) if len(parts) > 1 else parts[0]

    return by_name(check, *names, change="")


def displayed(name: str, of: str, what: str, text: str, expansion: Expansion, reading: str = "") -> Claim:
    names, draws = HYPER[of]
    return claim(
        f"mi.app-b.expansions.{name}", where="Appendix B", title=f"{what}, line by line", statement=text, draws=draws,
        symbolic=(), reading=f"{reading}Every displayed line, at any pair of responses.".strip(), neighbours=SPOILED,
    )(check_of(expansion, names))


simpo_of_ratio = displayed(
    "simpo-ratio", "simpo", "alpha log(pi/zeta) of SimPO",
    r"\alpha\log\frac{\pi(y|x)}{\zeta(y)} = \alpha\log\frac{\pi}{\pi\,\pi^{-1/|y|} e^{\beta(y,x)}} = \frac{\alpha}{|y|}\log\pi(y|x) - \alpha\beta(y,x)",
    simpo_ratio)
simpo_of_margin = displayed(
    "simpo-margin", "simpo", "The margin of SimPO",
    r"\alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} = \frac{\alpha}{|y_w|}\log\pi(y_w|x) - \alpha\beta(y_w,x) - \frac{\alpha}{|y_l|}\log\pi(y_l|x) - \alpha\beta(y_l,x) = \frac{\alpha}{|y_w|}\log\pi(y_w|x) - \frac{\alpha}{|y_l|}\log\pi(y_l|x) - \gamma",
    simpo_margin, "The signs as printed. ")
simpo_of_margin.corrected(
    r"\text{The last term of the second line is } + \alpha\beta(y_l,x) \text{: } \frac{\alpha}{|y_w|}\log\pi(y_w|x) - \alpha\beta(y_w,x) - \frac{\alpha}{|y_l|}\log\pi(y_l|x) + \alpha\beta(y_l,x) = \frac{\alpha}{|y_w|}\log\pi(y_w|x) - \frac{\alpha}{|y_l|}\log\pi(y_l|x) - \gamma",
    neighbours=SPOILED)(check_of(simpo_margin_corrected, HYPER["simpo"][0]))
rdpo_of_ratio = displayed(
    "rdpo-ratio", "rdpo", "alpha log(pi/zeta) of R-DPO",
    r"\alpha\log\frac{\pi(y|x)}{\zeta(y)} = \alpha\log\frac{e^{\beta|y|}\pi(y|x)}{\pi_{ref}(y|x)} = \alpha\log\frac{\pi(y|x)}{\pi_{ref}(y|x)} + \tilde\alpha|y|,\ \tilde\alpha = \alpha\beta",
    rdpo_ratio)
rdpo_of_margin = displayed(
    "rdpo-margin", "rdpo", "The margin of R-DPO",
    r"\alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} = \alpha\log\frac{\pi(y_w|x)}{\pi_{ref}(y_w|x)} - \alpha\log\frac{\pi(y_l|x)}{\pi_{ref}(y_l|x)} + \tilde\alpha(|y_w| - |y_l|)",
    rdpo_margin)
tdpo_of_ratio = displayed(
    "tdpo-ratio", "tdpo", "alpha log(pi/zeta) of TDPO",
    r"\alpha\log\frac{\pi(y|x)}{\zeta(y)} = \alpha\log\frac{\pi(y|x)}{\pi_{ref}(y|x)} + \alpha\sum_t KL(\pi_{ref}\,\|\,\pi)_t",
    tdpo_ratio)
tdpo_of_margin = displayed(
    "tdpo-margin", "tdpo", "The margin of TDPO",
    r"\alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} = \alpha\log\frac{\pi(y_w|x)}{\pi_{ref}(y_w|x)} - \alpha\log\frac{\pi(y_l|x)}{\pi_{ref}(y_l|x)} - \alpha\Delta(x, y_w, y_l)",
    tdpo_margin)
DOTS = "The dots in the logarithms are the tokens. "
TOKENS = f"{DOTS}The sums of the margin, printed up to |y|, go to the length of each response. "
NEXT = "The divergences, printed of the probabilities of the token, are of the distributions of the next token. "
sparse_of_prior = displayed(
    "sparsepo-prior", "sparsepo", "The prior of SparsePO",
    r"\log\pi(y|x) - \sum_t \mu_1(y^t)\log\frac{\pi(y^t)}{\pi_{ref}(y^t)} - \sum_t \mu_2(y^t)KL_t = \sum_t \log\frac{\pi(y^t)^{1-\mu_1(y^t)}}{\pi_{ref}(y^t)^{-\mu_1(y^t)}} - \sum_t \mu_2(y^t)KL_t",
    sparse_prior, DOTS)
sparse_of_ratio = displayed(
    "sparsepo-ratio", "sparsepo", "alpha log(pi/zeta) of SparsePO",
    r"\alpha\log\frac{\pi(y|x)}{\zeta(y)} = \alpha\sum_t \mu_1(y^t)\log\frac{\pi(y^t)}{\pi_{ref}(y^t)} + \alpha\sum_t \mu_2(y^t)\,KL(\pi_{ref}\,\|\,\pi)_t",
    sparse_ratio, DOTS)
sparse_of_margin = displayed(
    "sparsepo-margin", "sparsepo", "The margin of SparsePO",
    r"\alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} = \alpha\sum_t \mu_1(y_w^t)\log\frac{\pi(y_w^t)}{\pi_{ref}(y_w^t)} - \alpha\sum_t \mu_1(y_l^t)\log\frac{\pi(y_l^t)}{\pi_{ref}(y_l^t)} - \Delta_{\mu_2}(x, y_w, y_l)",
    sparse_margin, TOKENS)
tis_of_prior = displayed(
    "tisdpo-prior", "tisdpo", "The prior of TIS-DPO",
    r"\pi(y|x)\prod_i\Big(\frac{\pi_{ref}(y_i)}{\pi(y_i)}\Big)^{w_i} e^{D_{SeqL}} = \prod_i \frac{\pi_{ref}(y_i)^{w_i}}{\pi(y_i)^{w_i-1}}\, e^{\sum_i w_i KL(\pi\,\|\,\pi_{ref})_i}",
    tis_prior, NEXT)
tis_of_ratio = displayed(
    "tisdpo-ratio", "tisdpo", "alpha log(pi/zeta) of TIS-DPO",
    r"\alpha\log\frac{\pi(y|x)}{\zeta(y)} = -\alpha D_{SeqL}(x, y, w; \pi\,\|\,\pi_{ref}) + \alpha\sum_i w_i\log\frac{\pi(y_i)}{\pi_{ref}(y_i)}",
    tis_ratio, NEXT)
tis_of_margin = displayed(
    "tisdpo-margin", "tisdpo", "The margin of TIS-DPO",
    r"\alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} = u(x, y_w, y_l, \pi, w^w, w^l) - \eta(x, y_w, y_l, \pi, w^w, w^l)",
    tis_margin, NEXT)

MARGINS = {
    "simpo": simpo_margin, "rdpo": rdpo_margin, "tdpo": tdpo_margin, "sparsepo": sparse_margin, "tisdpo": tis_margin,
}


def every_margin(margins: Mapping[str, Expansion]) -> Callable[..., Relation]:
    """The check of every line of every margin; a change spoils the named one."""
    def check(policy: Any, reference: Any, tokens: Any, lengths: Any, spoiled: str = "", change: str = "", **hyper: Any):
        pair, parts = token_pair(policy, reference, tokens, lengths), []
        for name, expansion in margins.items():
            own = {x: hyper[x] for x in HYPER[name][0]}
            parts += lines(expansion, pair, change if name == spoiled else "", **own)
        return both(*parts)

    names = ("alpha", "gamma", "bonus", "weights", "reward_mask", "divergence_mask")
    return by_name(check, *names, spoiled="", change="")


expansions = claim(
    "mi.app-b.expansions", where="Appendix B", title="Every displayed expansion of a margin",
    statement=r"\text{Every displayed line of Appendix B is equal to } \alpha\log\frac{\pi(y_w|x)}{\zeta(y_w)} - \alpha\log\frac{\pi(y_l|x)}{\zeta(y_l)} \text{, which it expands: SimPO, R-DPO, TDPO, SparsePO, TIS-DPO}",
    reading="The five margins at one pair of different responses of up to two tokens, the signs as printed; entries for "
            "each of them, for the ratios they come from and for the rewritten priors follow. Mended: in SparsePO the "
            "dots in the logarithms are the tokens and sums go to the length of each response; in TIS-DPO the "
            "divergences are of the distributions of the next token.",
    draws=(TokenPairs(different=True, longest=2, vocabulary=(2,)), ALPHA, NotNegative("gamma", "bonus"), TokenWeights("weights", longest=2),
           TokenWeights("reward_mask", "divergence_mask", of_tokens=True, longest=2)), symbolic=(),
)(every_margin(MARGINS))

expansions.corrected(
    r"\text{With the mends of the reading, all lines but one are; in the second line of the margin of SimPO, } - \alpha\beta(y_l,x) \text{ must be } + \alpha\beta(y_l,x)",
    neighbours={
        "R-DPO's bonus off by two per cent": dict(spoiled="rdpo", change="near"),
        "TDPO's divergence of the other sign": dict(spoiled="tdpo", change="sign"),
        "TIS-DPO's divergence of the other sign": dict(spoiled="tisdpo", change="sign"),
        "SparsePO's divergence off by two per cent": dict(spoiled="sparsepo", change="near"),
    },
)(every_margin(MARGINS | {"simpo": simpo_margin_corrected}))
