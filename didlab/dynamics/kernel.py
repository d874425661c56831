# pyright: reportCallIssue=false
# (an intrinsic takes a typing context first, which its callers do not pass)
r"""The training loop of one problem, compiled: configurations innermost, eight to a tile.

A loss of the common form (`objectives.form`) meets its pairs only in :math:`\phi_{ij} = -\omega f'(a_i - b_j - c)`.
With :math:`n_{ij}` pairs in cell (i, j), the gradient of the batch in the log-probabilities is

.. math:: g_i = -a_i' \sum_j n_{ij}\phi_{ij} + b_i' \sum_j n_{ji}\phi_{ji} + n_{i\cdot}\, g'_i + n_{\cdot i}\, k'_i

and :math:`g - \pi \sum_i g_i` in the logits. For the logistic link :math:`\phi_{ij} = \omega B_j / (A_i + B_j)` with
:math:`A = e^a, B = e^{b + c}`: K exponentials for each step instead of one for each pair.

RMSprop divides a gradient by its own size, so that rounding in a component that ought to be 0 becomes a step. Where
all pairs meet the loss at the same margin (the first step from the reference, or from equal logits), an outcome drawn
as often as chosen as it is as rejected has such a component. It is exactly 0 here: the reference is evaluated by the
same function as the policy, the sums of :math:`n\phi` are counts times the first :math:`\phi`, plus sums of the
differences from it, and no difference of two products is taken (a processor rounds only one of them) that can be one
product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ..objectives.scalars import (
    GAIN_L,
    GAIN_W,
    NLL,
    ODDS,
    OFFSET,
    ORIGIN,
    PENALTY,
    PULL,
    REFERENCE,
    SCALE,
    STEEP,
    TARGET,
    WEIGHT,
)
from .draws import fill_cells
from .lanes import (
    add_to,
    exp_below,
    larger,
    load,
    log_positive,
    lowest_bit,
    root,
    smaller,
    spread,
    store,
    where_less,
)

__all__ = ["FLAGS", "HINGE", "LOGISTIC", "NORMALISED", "PROJECTED", "SQUARE", "distinct_pairs", "train"]

LOGISTIC, HINGE, SQUARE, NONE, PROJECTED, NORMALISED = range(6)
HAS_ODDS, HAS_PENALTY, HAS_PULL, HAS_GAIN = 1, 2, 4, 8
FLAGS = {HAS_ODDS: ("odds",), HAS_PENALTY: ("penalty",), HAS_PULL: ("pull",), HAS_GAIN: ("gain_w", "gain_l")}
SMALLEST_REST = 1e-17  # of 1 - p in log-odds
OPTIONS: dict[str, Any] = {"error_model": "numpy", "cache": True}


@njit(**OPTIONS)
def _policy(theta: Any, p: Any, lp: Any) -> None:
    """Probabilities and log-probabilities of the tile's policies."""
    size = theta.shape[0]
    top, total = load(theta, 0), spread(0.0)
    for i in range(1, size):
        top = larger(top, load(theta, i))
    for i in range(size):
        e = exp_below(load(theta, i) - top)
        store(p, i, e)
        total = total + e
    shift, scale = top + log_positive(total), 1.0 / total
    for i in range(size):
        store(lp, i, load(theta, i) - shift)
        store(p, i, load(p, i) * scale)


@njit(**OPTIONS)
def _js(p: Any, goal: Any, out: Any, row: Any) -> None:
    """JS divergence of the tile's policies to their goals: sum of m h(x), x = (p - q) / (p + q)."""
    total = spread(0.0)
    for i in range(p.shape[0]):
        a, b = load(p, i), load(goal, i)
        s = a + b
        y, rest = larger(a - b, b - a) / s, smaller(a, b) * 2.0 / s
        z = y * y
        t = z * (1 / 306) + 1 / 240
        t = t * z + 1 / 182
        t = t * z + 1 / 132
        t = t * z + 1 / 90
        t = t * z + 1 / 56
        t = t * z + 1 / 30
        t = t * z + 1 / 12
        near = (t * z + 0.5) * z
        far = ((y + 1.0) * log_positive(y + 1.0) + rest * log_positive(rest + 1e-300)) * 0.5
        total = total + s * 0.5 * where_less(y, spread(0.1), near, far)
    store(out, row, total)


@njit(**OPTIONS)
def _scores(flags: Any, row: Any, ref: Any, p: Any, lp: Any, a: Any, b: Any, da: Any, db: Any) -> None:
    """The scores of every outcome as chosen (a) and as rejected (b), and their slopes times the weight."""
    ratio = load(row, REFERENCE) / larger(load(row, SCALE), spread(1e-300))
    for i in range(p.shape[0]):
        v = load(lp, i)
        score, slope = load(row, SCALE) * (v - ratio * ref[i]), load(row, SCALE)
        if flags & HAS_ODDS:
            rest = larger(1.0 - load(p, i), spread(SMALLEST_REST))
            score = score + load(row, ODDS) * (v - log_positive(rest))
            slope = slope + load(row, ODDS) / rest
        store(b, i, score)
        store(db, i, slope * load(row, WEIGHT))
        if flags & HAS_PENALTY:
            lost = load(row, PENALTY) * where_less(v, spread(ref[i]), spread(1.0), spread(0.0))
            score = score - lost * (spread(ref[i]) - v)
            slope = slope + lost
        store(a, i, score)
        store(da, i, slope * load(row, WEIGHT))


@njit(**OPTIONS)
def _exponentiate(flags: Any, row: Any, a: Any, b: Any) -> None:
    """a and b + offset to their exponentials, divided by the largest."""
    size = a.shape[0]
    offset = load(row, OFFSET)
    top = load(a, 0)
    for i in range(size):
        top = larger(top, load(a, i))
    if flags & HAS_PENALTY:
        for i in range(size):
            top = larger(top, load(b, i) + offset)
        for i in range(size):
            store(a, i, exp_below(load(a, i) - top))
            store(b, i, exp_below(load(b, i) + offset - top))
        return
    factor = exp_below(smaller(offset, spread(700.0)))
    for i in range(size):
        e = exp_below(load(a, i) - top)
        store(a, i, e)
        store(b, i, e * factor)


@njit(**OPTIONS)
def _meet_logistic(
    start: Any, col: Any, num: Any, rows: Any, cols: Any, a: Any, b: Any, down: Any, up: Any
) -> None:
    """Sums of n B / (A + B) over the rows (down) and the columns (up) of the drawn cells."""
    i = 0
    while start[i + 1] == 0:
        i += 1
    first = load(b, col[0]) / (load(a, i) + load(b, col[0]))
    for i in range(a.shape[0]):
        store(up, i, first * cols[i])
    for i in range(a.shape[0]):
        own, total = load(a, i), first * rows[i]
        for k in range(start[i], start[i + 1]):
            other = load(b, col[k])
            w = (other / (own + other) - first) * num[k]
            total = total + w
            add_to(up, col[k], w)
        store(down, i, total)


@njit(**OPTIONS)
def _meet_hinge(row: Any, start: Any, col: Any, num: Any, a: Any, b: Any, down: Any, up: Any) -> None:
    """Sums of n [a < b + c] over the rows and the columns of the drawn cells: integers."""
    offset, zero = load(row, OFFSET), spread(0.0)
    for i in range(a.shape[0]):
        store(up, i, zero)
    for i in range(a.shape[0]):
        own, total = load(a, i), zero
        for k in range(start[i], start[i + 1]):
            w = where_less(own - load(b, col[k]) - offset, zero, spread(num[k]), zero)
            total = total + w
            add_to(up, col[k], w)
        store(down, i, total)


@njit(**OPTIONS)
def _meet_square(
    row: Any, start: Any, col: Any, num: Any, rows: Any, cols: Any, a: Any, b: Any, down: Any, up: Any
) -> None:
    """Sums of -2 n (a - b - c) over the rows and the columns of the drawn cells: the offset by the counts alone."""
    twice = load(row, OFFSET) * 2.0
    for i in range(a.shape[0]):
        store(up, i, twice * cols[i])
    for i in range(a.shape[0]):
        own, total = load(a, i), twice * rows[i]
        for k in range(start[i], start[i + 1]):
            w = (own - load(b, col[k])) * (-2.0 * num[k])
            total = total + w
            add_to(up, col[k], w)
        store(down, i, total)


@njit(**OPTIONS)
def _link_terms(flags: Any, down: Any, up: Any, da: Any, db: Any, g: Any) -> Any:
    """The gradient of the link, and its sum: exactly 0 where the chosen and the rejected slopes are one constant."""
    total = spread(0.0)
    for i in range(g.shape[0]):
        term = (load(up, i) - load(down, i)) * load(db, i) - load(down, i) * (load(da, i) - load(db, i))
        store(g, i, term)
        total = total + term
    return total if flags & (HAS_ODDS | HAS_PENALTY) else spread(0.0)


@njit(**OPTIONS)
def _terms(flags: Any, row: Any, ref: Any, lp: Any, batch: Any, rows: Any, cols: Any, g: Any) -> Any:
    """Add the terms of single responses (likelihood, pulls, gains); their sum, without the parts that cancel in it.

    The counts of chosen and of rejected responses both sum to the batch, so a target of the pulls drops out of the sum.
    """
    total = load(row, NLL) * (-1.0 * batch)
    for i in range(lp.shape[0]):
        h = load(lp, i) - ref[i]
        term = load(row, NLL) * (-rows[i])
        if flags & HAS_PULL:
            twice = load(row, PULL) * 2.0
            pull = twice * h * (rows[i] + cols[i])
            term = term + (pull - twice * load(row, TARGET) * (rows[i] - cols[i]))
            total = total + pull
        if flags & HAS_GAIN:
            y = load(row, STEEP) * h - load(row, ORIGIN)
            t = exp_below(smaller(y, 0.0 - y))
            bell = load(row, STEEP) * t / ((t + 1.0) * (t + 1.0))
            more = load(row, GAIN_L) - load(row, GAIN_W)
            gain = bell * (load(row, GAIN_L) * (cols[i] - rows[i]) + more * rows[i])
            term = term + gain
            total = total + gain
        add_to(g, i, term)
    return total


@njit(**OPTIONS)
def _to_logits(p: Any, batch: Any, total: Any, g: Any) -> None:
    """The mean gradient in the logits, from the total one in the log-probabilities and its sum."""
    share = spread(1.0 / batch)
    for i in range(p.shape[0]):
        store(g, i, (load(g, i) - load(p, i) * total) * share)


@njit(**OPTIONS)
def _projected(p: Any, batch: Any, rows: Any, cols: Any, g: Any) -> None:
    """DPO-PG: the likelihood gradient of the chosen, without its positive part along that of the rejected."""
    dot, square, share = spread(0.0), spread(0.0), 1.0 / batch
    for i in range(p.shape[0]):
        w, l = load(p, i) - rows[i] * share, load(p, i) - cols[i] * share  # noqa: E741
        dot, square = dot + w * l, square + l * l
    alpha = larger(dot, spread(0.0)) / larger(square, spread(1e-300))
    for i in range(p.shape[0]):
        w, l = load(p, i) - rows[i] * share, load(p, i) - cols[i] * share  # noqa: E741
        store(g, i, w - alpha * l)


@njit(**OPTIONS)
def _normalised(p: Any, batch: Any, g: Any) -> None:
    r"""Each log-likelihood gradient :math:`e_y - \pi` divided by its norm :math:`\sqrt{1 - 2\pi(y) + \|\pi\|^2}`."""
    square, total, share = spread(0.0), spread(0.0), 1.0 / batch
    for i in range(p.shape[0]):
        square = square + load(p, i) * load(p, i)
    for i in range(p.shape[0]):
        norm = root(larger(square - load(p, i) * 2.0 + 1.0, spread(1e-30)))
        w = load(g, i) / norm
        store(g, i, w)
        total = total + w
    for i in range(p.shape[0]):
        store(g, i, (load(g, i) - load(p, i) * total) * share)


@njit(**OPTIONS)
def _update(theta: Any, speed: Any, g: Any, rate: Any, clip: Any) -> None:
    """Clip by norm, then one step of RMSprop (decay 0.99, epsilon 1e-8)."""
    norm = spread(0.0)
    for i in range(theta.shape[0]):
        norm = norm + load(g, i) * load(g, i)
    factor = smaller(spread(1.0), clip / (root(norm) + 1e-6))
    for i in range(theta.shape[0]):
        d = load(g, i) * factor
        q = load(speed, i) * 0.99 + d * d * 0.01
        store(speed, i, q)
        store(theta, i, load(theta, i) - d * rate / (root(q) + 1e-8))


@njit(**OPTIONS)
def _group(
    cells: Any,
    size: Any,
    marks: Any,
    counts: Any,
    start: Any,
    upto: Any,
    col: Any,
    num: Any,
    rows: Any,
    cols: Any,
) -> None:
    """The drawn cells by rows: distinct columns and how often each, and the marginal counts."""
    for c in cells:
        counts[c] += 1
        marks[c >> 6] |= 1 << (c & 63)
    for i in range(size):
        cols[i] = 0
        start[i + 1] = 0
        upto[i + 1] = 0
    m, total, i = 0, 0, 0
    for word in range(marks.size):
        bits = marks[word]
        marks[word] = 0
        while bits:
            c = 64 * word + lowest_bit(bits)
            bits &= bits - 1
            n = counts[c]
            while c >= (i + 1) * size:  # cells come in order
                i += 1
            j = c - i * size
            counts[c] = 0
            col[m] = j
            num[m] = n
            cols[j] += n
            total += n
            m += 1
            start[i + 1] = m
            upto[i + 1] = total
    for i in range(size):
        start[i + 1], upto[i + 1] = max(start[i + 1], start[i]), max(upto[i + 1], upto[i])
        rows[i] = upto[i + 1] - upto[i]


@njit(nogil=True, **OPTIONS)
def distinct_pairs(
    tables: Any, keys: Any, batch: Any, step: Any, size: Any, chosen: Any, rejected: Any, number: Any
) -> Any:
    """The distinct pairs of one step of several problems, as rows of their stacked outcomes; returns how many.

    The arrays need room for one pair more: every cell is written, and kept where it was drawn.
    """
    cells, counts = np.empty(batch, np.int64), np.zeros(tables.shape[1], np.int64)
    m = 0
    for n in range(keys.size):
        fill_cells(tables[n], keys[n], step * batch, cells)
        for c in cells:
            counts[c] += 1
        for i in range(size):
            for j in range(size):
                count = counts[i * size + j]
                chosen[m], rejected[m], number[m] = n * size + i, n * size + j, count
                m += count > 0
        counts[:] = 0
    return m


@njit(nogil=True, **OPTIONS)
def train(
    table: Any,
    key: Any,
    batch: Any,
    first: Any,
    last: Any,
    every: Any,
    rate: Any,
    clip: Any,
    links: Any,
    flags: Any,
    forms: Any,
    ref: Any,
    goals: Any,
    theta: Any,
    speed: Any,
    js: Any,
) -> None:
    """Steps [first, last) of one problem, in place; `js[t, r]` is filled at the steps r * every in [first, last].

    `ref` are logits of the reference.
    """
    size, tiles = ref.size, theta.shape[0]
    cells, counts, marks = (
        np.empty(batch, np.int64),
        np.zeros(table.size, np.int64),
        np.zeros(table.size // 64 + 1, np.int64),
    )
    most = min(batch, table.size)  # distinct cells
    start, upto, col = np.zeros(size + 1, np.int64), np.zeros(size + 1, np.int64), np.empty(most, np.int64)
    num, rows, cols = np.empty(most), np.empty(size), np.empty(size)
    space = np.zeros((9, size, forms.shape[2]))
    p, lp, a, b, da, db, down, up, g = (
        space[0],
        space[1],
        space[2],
        space[3],
        space[4],
        space[5],
        space[6],
        space[7],
        space[8],
    )
    for i in range(size):
        store(g, i, spread(ref[i]))
    _policy(g, p, lp)
    ref = lp[:, 0].copy()
    for step in range(first, last):
        fill_cells(table, key, step * batch, cells)
        _group(cells, size, marks, counts, start, upto, col, num, rows, cols)
        for t in range(tiles):
            row = forms[t]
            _policy(theta[t], p, lp)
            if step % every == 0:
                _js(p, goals[t], js[t], step // every)
            if links[t] == PROJECTED:
                _projected(p, batch, rows, cols, g)
            else:
                total = spread(0.0)
                if links[t] == NONE:
                    g[:] = 0.0
                else:
                    _scores(flags[t], row, ref, p, lp, a, b, da, db)
                    if links[t] == LOGISTIC or links[t] == NORMALISED:
                        _exponentiate(flags[t], row, a, b)
                        _meet_logistic(start, col, num, rows, cols, a, b, down, up)
                    elif links[t] == HINGE:
                        _meet_hinge(row, start, col, num, a, b, down, up)
                    else:
                        _meet_square(row, start, col, num, rows, cols, a, b, down, up)
                    total = _link_terms(flags[t], down, up, da, db, g)
                if links[t] == NORMALISED:
                    _normalised(p, batch, g)
                else:
                    total = total + _terms(flags[t], row, ref, lp, batch, rows, cols, g)
                    _to_logits(p, batch, total, g)
            _update(theta[t], speed[t], g, rate, clip)
    if last % every == 0:
        for t in range(tiles):
            _policy(theta[t], p, lp)
            _js(p, goals[t], js[t], last // every)
