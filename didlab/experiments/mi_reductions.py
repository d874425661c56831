"""The reductions of MI-DPO as a picture: each loss in three notions of equality, decided without rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from flint import fmpq

from .. import exact
from ..objectives import labelled, priors, sparse_po, tdpo
from ..objectives.recovered import Recovered, names, recovered
from ..objectives.token_objective import under_prior
from ..objectives.token_pair import TokenPair, token_pair
from ..plots import style
from .output import Output

__all__ = ["CONDITIONS", "NOTIONS", "Cell", "cells", "data_sets", "make", "rows"]

COUNT, SEED, LONGEST, VOCABULARY = 400, 5, 2, 3
NOTIONS = ("loss value", "gradient, prior differentiated", "gradient, prior held fixed")


@dataclass(frozen=True)
class Cell:
    """What was found of one loss in one notion.

    Attributes:
        loss, notion: of the table.
        share: of the pairs where both sides are equal.
        assumption: under which they are, and whether they are only then; empty if always or never.
        cosines: the smallest and the median cosine of the two gradients where they differ; None if they never do.
    """

    loss: str
    notion: str
    share: float
    assumption: str
    cosines: tuple[float, float] | None


def _second(alpha: Any, weight: Any):
    return tdpo.objective(beta=alpha, alpha=weight, form="tdpo2")


def _linear(alpha: Any, reward_mask: Any, divergence_mask: Any):
    return sparse_po.objective(
        reward_mask=reward_mask, divergence_mask=divergence_mask, beta=alpha, convention="linear")


def rows() -> list[Recovered]:
    """The losses of the table: the eight, TDPO's second form, and SparsePO's loss as the paper prints it.

    >>> [r.name for r in rows()][5:7]
    ['TDPO', 'TDPO, second form']
    """
    out: list[Recovered] = []
    for name in names():
        r = recovered(name)
        if name == "sparsepo":
            out.append(replace(r, name="SparsePO, as printed", own=_linear))
        out.append(r)
        if name == "tdpo":
            out.append(Recovered("TDPO, second form", ("weight",), _second, lambda alpha, weight: priors.tdpo()))
    return out


def _ratio(n: Any, d: Any = 1) -> Any:
    return np.frompyfunc(lambda a, b: fmpq(int(a), int(b)), 2, 1)(n, d)


def _log(n: Any) -> Any:
    return np.frompyfunc(lambda a: exact.log(fmpq(int(a))), 1, 1)(n)


def _equal(x: Any, y: Any) -> np.ndarray:
    return np.asarray(np.frompyfunc(lambda a, b: bool(a == b), 2, 1)(x, y), dtype=bool)


def _floats(x: Any) -> np.ndarray:
    return np.asarray(np.frompyfunc(lambda a: float(exact.to_arb(a)), 1, 1)(x), dtype=np.float64)


def pairs(count: int, seed: int) -> tuple[TokenPair, dict[str, Any]]:
    """Pairs of different responses with rational rows, and hyper-parameters; boundary values of all in many of them."""
    rng = np.random.default_rng(seed)
    policy, reference = rng.integers(1, 9, (2, count, 2, LONGEST, VOCABULARY))
    tokens = rng.integers(0, VOCABULARY, (count, 2, LONGEST))
    lengths = np.where(rng.random((count, 1)) < 0.7, rng.integers(1, LONGEST + 1, (count, 2)), 1)
    common = rng.random(count) < 0.3
    tokens[common, 1] = tokens[common, 0]
    end = (np.arange(LONGEST) < lengths.max(-1)[:, None])[:, None]
    same = (np.where(end, tokens, 0)[:, 0] == np.where(end, tokens, 0)[:, 1]).all(-1) & (lengths[:, 0] == lengths[:, 1])
    tokens[same, 1, 0] = (tokens[same, 0, 0] + 1) % VOCABULARY
    shared = np.concatenate([np.ones((count, 1), bool), tokens[:, 0, :-1] == tokens[:, 1, :-1]], -1)[..., None]
    agree = (rng.random(count) < 0.4)[:, None, None, None]
    everywhere = (rng.random(count) < 0.5)[:, None, None, None]
    policy = np.where(agree & (everywhere | ~shared[:, None]), reference, policy)
    for table in (policy, reference):
        table[:, 1] = np.where(shared, table[:, 0], table[:, 1])
    pair = token_pair(_log(policy), _log(reference), tokens, lengths)

    def numbers(values: list[tuple[int, int]]) -> Any:
        chosen = np.array(values)[rng.integers(0, len(values), (count, 1))]
        return _ratio(chosen[..., 0], chosen[..., 1])

    def weights() -> Any:
        plain = rng.integers(0, 5, (count, 2, LONGEST))
        return _ratio(np.where(rng.random((count, 1, 1)) < 0.6, plain, 2 * rng.integers(0, 2, (count, 1, 1))), 2)

    boundary = [(0, 1), (1, 2), (1, 1), (2, 1)]
    return pair, {"alpha": numbers(boundary[1:]), "eta": numbers(boundary), "gamma": numbers(boundary),
                  "bonus": numbers(boundary), "weight": numbers(boundary), "weights": weights(),
                  "reward_mask": weights(), "divergence_mask": weights()}


# ------------------------------------------------------------------------------------------- assumptions to try

def _all(x: Any) -> np.ndarray:
    return np.asarray(np.asarray(x, dtype=bool).reshape(len(x), -1).all(-1))


def _one(pair: TokenPair, weights: Any) -> np.ndarray:
    return _all((weights == 1) | (pair.present == 0))


def _zero(pair: TokenPair, weights: Any) -> np.ndarray:
    return _all((weights == 0) | (pair.present == 0))


def _agrees(pair: TokenPair, side: int | None = None) -> np.ndarray:
    """Whether policy and reference agree after every prefix that one response alone has, or at all of one response."""
    same = _equal(pair.log_policy, pair.log_reference).all(-1)
    if side is None:
        return _all(same | (pair.present * (1 - pair.shared[..., None, :]) == 0))
    return _all((same | (pair.present == 0))[..., side, :])


Condition = Callable[[TokenPair, dict[str, Any]], np.ndarray]
CONDITIONS: dict[str, Condition] = {
    "η = 1": lambda p, h: _all(h["eta"] == 1),
    "|y_w| = |y_l| = 1": lambda p, h: _all(p.lengths == 1),
    "|y_w| = |y_l|": lambda p, h: p.lengths[:, 0] == p.lengths[:, 1],
    "γ = 0": lambda p, h: _all(h["gamma"] == 0),
    "π = π_ref past the common prefix": lambda p, h: _agrees(p),
    "π = π_ref along both responses": lambda p, h: _agrees(p, 0) & _agrees(p, 1),
    "π = π_ref past the common prefix, or α₂ = 1": lambda p, h: _agrees(p) | _all(h["weight"] == 1),
    "w = 1": lambda p, h: _one(p, h["weights"]),
    "w = 1, and π = π_ref past the common prefix": lambda p, h: _one(p, h["weights"]) & _agrees(p),
    "μ₁ = 1": lambda p, h: _one(p, h["reward_mask"]),
    "μ₁ = 1, and μ₂ = 0 or π = π_ref past the common prefix": lambda p, h: _one(p, h["reward_mask"]) & (
        _zero(p, h["divergence_mask"]) | (_agrees(p) & _one(p, h["divergence_mask"]))),
}
LEAST = 5  # pairs that an assumption must leave


def _assumption(equal: np.ndarray, pair: TokenPair, hyper: dict[str, Any]) -> str:
    """The assumption that explains where both sides are equal: the exact one if there is one, or else the widest."""
    best, most = "", 0
    for text, condition in CONDITIONS.items():
        met = condition(pair, hyper)
        if met.sum() < LEAST or not equal[met].all():
            continue
        if (equal == met).all():
            return f"exactly if {text}"
        if met.sum() > most:
            best, most = f"if {text}", int(met.sum())
    return best


def cells(count: int = COUNT, seed: int = SEED) -> list[Cell]:
    """Every loss in every notion, on the same pairs.

    Args:
        count: number of pairs.
        seed: of the pairs.

    Returns:
        the cells, three for each loss.

    >>> [c.share for c in cells(20)[:3]]
    [1.0, 1.0, 1.0]
    """
    pair, hyper = pairs(count, seed)
    out: list[Cell] = []
    for r in rows():
        given = {"alpha": hyper["alpha"]} | {x: hyper[x] for x in r.hyper}
        own, prior = r.own(**given), r.prior(**given)
        margin, direction = own.margin_and_direction(pair)
        for notion in NOTIONS:
            mi = under_prior(prior, alpha=given["alpha"], fixed=notion == NOTIONS[2])
            other, toward = mi.margin_and_direction(pair)
            same = _equal(margin, other)[:, 0] & own.sigmoid
            cosines = None
            if notion != NOTIONS[0]:
                a, b = _floats(direction)[:, 0], _floats(toward)[:, 0]
                norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
                moves, parallel = norms > 0, _all(_equal(direction, toward))
                # equal directions under different factors sigma(-m) are different gradients, unless they are 0
                same = parallel & (same | ~moves)
                apart = moves & ~same
                c = (a * b).sum(-1)[apart] / norms[apart]
                cosines = (float(c.min()), float(np.median(c))) if apart.any() else None
            share = float(same.mean())
            found = _assumption(same, pair, hyper) if 0 < share < 1 else ""
            out.append(Cell(r.name, notion, share, found, cosines))
    return out


def data_sets(responses: int = 3, triples: int = 3) -> dict[str, int]:
    """Of all data sets of so many triples of different responses: how many each property leaves.

    Allowed by the two printed exclusions; with one label for each response, which SimPO's printed prior needs; with
    levels, which some prior needs.

    >>> data_sets(2, 2)["data sets"]
    4
    """
    k = responses
    different = [p for p in product(range(k), repeat=2) if p[0] != p[1]]
    sets = np.array(list(product(different, repeat=triples)))
    labels, levels = labelled.both_labels(sets, k) == 0, labelled.unbalanced(sets, k) == 0
    simpo, tis = labelled.chains(sets, k) == 0, labelled.later_winners(sets, k) == 0
    return {
        "data sets": len(sets), "simpo": int(simpo.sum()), "simpo and labels": int((simpo & labels).sum()),
        "labels": int(labels.sum()), "levels": int(levels.sum()), "tis": int(tis.sum()),
        "tis and labels": int((tis & labels).sum()),
    }


# ------------------------------------------------------------------------------------------------------ the picture

def _text(c: Cell) -> str:
    head = "equal" if c.share == 1 else "differs" if c.share == 0 or not c.assumption else c.assumption
    if c.cosines is None or c.share == 1:
        return head
    return f"{head}\ncosine {c.cosines[1]:.2f}, down to {c.cosines[0]:.2f}"


def make(out: Output) -> None:
    """Draw the table and quote what it shows."""
    found, sets = cells(), data_sets()
    losses = list(dict.fromkeys(c.loss for c in found))
    colours = {"equal": "#c7e3f3", "part": "#fbe3b5", "never": "#e6c3ba"}
    marks = {"equal": "=", "part": "(=)", "never": "≠"}
    with style() as plt:
        figure, axis = plt.subplots(figsize=(9.6, 5.6))
        axis.set_xlim(0, 3)
        axis.set_ylim(len(losses), 0)
        axis.grid(False)
        for spine in axis.spines.values():
            spine.set_visible(False)
        for c in found:
            x, y = NOTIONS.index(c.notion), losses.index(c.loss)
            kind = "equal" if c.share == 1 else "part" if c.assumption else "never"
            axis.add_patch(plt.Rectangle((x + 0.01, y + 0.04), 0.98, 0.92, color=colours[kind], linewidth=0))
            axis.text(x + 0.045, y + 0.5, marks[kind], va="center", ha="left", fontsize=10, fontweight="bold")
            axis.text(x + 0.16, y + 0.5, _wrapped(_text(c)), va="center", ha="left", fontsize=7.3, linespacing=1.15)
        axis.set_xticks([0.5, 1.5, 2.5], NOTIONS)
        axis.xaxis.tick_top()
        axis.set_yticks(np.arange(len(losses)) + 0.5, losses)
        axis.tick_params(length=0)
        out.image(figure)
    out.table("", ("loss", "notion", "share_equal", "assumption", "cosine_min", "cosine_median"), [
        (c.loss, c.notion, c.share, c.assumption, *(c.cosines or ("", ""))) for c in found])
    equal = {n: [c.loss for c in found if c.notion == n and c.share == 1] for n in NOTIONS}
    facts = {"pairs": COUNT, "data sets": sets} | {f"equal: {n}": v for n, v in equal.items()}
    out.caption(
        "The reductions of MI-DPO",
        f"Each loss against MI-DPO with the prior that is said to recover it, on {COUNT} pairs of responses with "
        "rational next-token probabilities, all comparisons exact. Blue: equal on all pairs; amber: under the "
        "assumption found among those tried, 'exactly if' meaning on none of the other pairs; red: never, or under "
        "none of them. Cosines of the two gradients by the logits, where they differ: median and smallest.",
        f"Held fixed, the prior leaves {len(equal[NOTIONS[2]])} of {len(losses)} gradients equal, those whose prior "
        f"does not contain the policy; differentiated, {len(equal[NOTIONS[1]])}. Of {sets['data sets']} data sets of "
        f"three triples of three responses, SimPO's exclusion allows {sets['simpo']}, of which "
        f"{sets['simpo and labels']} have the printed prior, while {sets['levels']} have some prior that recovers the "
        f"loss; TIS-DPO's exclusion allows {sets['tis']}, of which {sets['tis and labels']} give every response one "
        "label.",
        facts,
    )


def _wrapped(text: str, width: int = 46) -> str:
    from textwrap import fill

    return "\n".join(fill(line, width) for line in text.split("\n"))
