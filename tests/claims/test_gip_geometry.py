"""What the claims on gradients compute with, against small models stepped in floats; and rows put together."""

from __future__ import annotations

import numpy as np
import pytest

from didlab.claims import gip_formulas as formulas
from didlab.claims.gip_dpo import dpo_gradient
from didlab.claims.gip_general import five_point
from didlab.claims.gip_steps import after, gram_of
from didlab.engine.claim import claim
from didlab.engine.instances import draw, lifted
from didlab.engine.kinds import Numbers, Threshold
from didlab.engine.lifts import EXACT, FLOAT
from didlab.engine.models import LocalModel
from didlab.engine.relations import equal
from didlab.objectives.table_2 import ROWS, Constants, row

RNG = np.random.default_rng(8)


def softmax_gradient(logits, k):
    return np.eye(len(logits))[k] - np.exp(logits) / np.exp(logits).sum()


def test_the_dpo_gradient_is_the_derivative_of_the_loss_on_logits():
    reference, beta, h = RNG.normal(size=4), 0.7, 1e-6

    def margin(z):
        p, r = (x - np.log(np.exp(x).sum()) for x in (z, reference))
        return beta * ((p[0] - r[0]) - (p[1] - r[1]))

    def loss(z):
        return np.log1p(np.exp(-margin(z)))

    for _ in range(20):
        z = RNG.normal(size=4)
        ours = dpo_gradient(softmax_gradient(z, 0), softmax_gradient(z, 1), np.exp(margin(z)), beta)
        numeric = [(loss(z + h * e) - loss(z - h * e)) / (2 * h) for e in np.eye(4)]
        np.testing.assert_allclose(ours, numeric, atol=1e-9)  # h^2 and 1e-16 / h


def test_first_order_changes_are_what_a_short_step_does():
    for _ in range(20):
        z, s = RNG.normal(size=5), 1e-6
        w, x = softmax_gradient(z, 0), softmax_gradient(z, 1)
        d_w, d_l = RNG.normal(size=2)
        predicted = formulas.changes(*formulas.gram(w, x), d_w, d_l)
        moved = z + s * (d_w * w - d_l * x)
        p, q = (y - np.log(np.exp(y).sum()) for y in (z, moved))
        np.testing.assert_allclose((q - p)[:2] / s, np.ravel(predicted), atol=1e-4)


def test_probabilities_after_a_step_are_those_of_the_moved_parameters():
    kinds = (LocalModel(batch=(1,), largest=3), Threshold("step"))
    batch = draw(kinds, np.random.default_rng(1), 50, {"K": 3, "M": 1, "D": 2})
    for i in range(len(batch)):
        floats, exact = lifted(kinds, batch.one(i), FLOAT), lifted(kinds, batch.one(i), EXACT)
        names = ("probability", "jacobian", "chosen", "rejected", "step")
        moved = after(*(floats[n] for n in names))
        jacobian, w, x = floats["jacobian"], int(floats["chosen"][0]), int(floats["rejected"][0])
        logits = np.log(floats["probability"]) + jacobian @ (floats["step"] * (jacobian[w] - jacobian[x]))
        expected = np.exp(logits - logits.max())
        np.testing.assert_allclose(moved, expected / expected.sum(), rtol=1e-12, atol=1e-300)
        rational = [float(int(p.p) / int(p.q)) for p in after(*(exact[n] for n in names))]
        np.testing.assert_allclose(moved, rational, rtol=1e-12)
        mean = floats["probability"] @ jacobian
        a, b, c = gram_of(*(floats[n] for n in names[:4]))
        u, v = jacobian[w] - mean, jacobian[x] - mean
        np.testing.assert_allclose((a[0], b[0], c[0]), (u @ u, u @ v, v @ v), atol=1e-12)


def test_the_five_point_rule_is_exact_up_to_degree_four():
    assert five_point(lambda e: 3 + 5 * e - 7 * e**2 + 2 * e**3 + e**4) == 5
    assert five_point(lambda e: e**5) != 0


def test_by_row_puts_the_rows_together():
    n = 60
    which = RNG.integers(0, len(ROWS), (n, 1))
    k = Constants(beta=np.exp(RNG.normal(size=(n, 1))), ref_chosen=-RNG.uniform(1, 3, (n, 1)))
    w, x = -RNG.uniform(1, 3, (n, 1)), -RNG.uniform(1, 3, (n, 1))

    def weights(name, k, w, x):
        return row(name, k).coefficients(w, x)

    d_w, d_l = formulas.by_row(which, ROWS, weights, k, w=w, x=x)
    for i in range(n):
        one = Constants(beta=k.beta[i], ref_chosen=k.ref_chosen[i])
        expected = row(ROWS[which[i, 0]], one).coefficients(w[i], x[i])
        np.testing.assert_allclose((d_w[i], d_l[i]), expected, rtol=1e-15)


def test_tabled_constants_reach_a_check_as_one_argument():
    draws = (Numbers("beta"), Numbers("x"))

    @claim("mine.beta", where="", title="", statement="", draws=draws, neighbours={"off": {"off": 1}})
    @formulas.tabled("beta")
    def check(x, *, k, off=0):
        return equal(k.beta + off, x)

    assert bool(check.printed({"beta": 2, "x": 2}).left == 2)
    assert check.printed.neighbour("off")({"beta": 2, "x": 2}).left == 3


@pytest.mark.parametrize("x", [0, 3, -2])
def test_safe_divisors(x):
    assert formulas.safe(np.array([x]))[0] == (x or 1)
