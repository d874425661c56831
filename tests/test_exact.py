"""Exact numbers: zero is decided, signs agree with mpmath, what leaves the field says so."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from didlab.exact import Exponent, LogForm, NotExact, exp, is_zero, log, sign, symbols, to_arb

integers = st.integers(2, 400)
small = st.fractions(-5, 5, max_denominator=12)
terms = st.lists(st.tuples(small, integers), min_size=1, max_size=5)


def _form(parts: list[tuple[Fraction, int]], const: Fraction = Fraction(0)) -> LogForm:
    total = LogForm({}, fmpq(const.numerator, const.denominator))
    for c, n in parts:
        total = total + fmpq(c.numerator, c.denominator) * log(fmpq(n))
    return total


def _mp(parts: list[tuple[Fraction, int]], const: Fraction = Fraction(0)) -> mpmath.mpf:
    with mpmath.workdps(120):
        return mpmath.fsum([mpmath.mpf(c.numerator) / c.denominator * mpmath.log(n) for c, n in parts]) + (
            mpmath.mpf(const.numerator) / const.denominator
        )


@given(terms, small)
def test_signs_agree_with_mpmath(parts: list[tuple[Fraction, int]], const: Fraction) -> None:
    form, value = _form(parts, const), _mp(parts, const)
    if abs(value) > mpmath.mpf(10) ** -90:
        assert sign(form) == int(mpmath.sign(value))
        assert not is_zero(form)
    else:
        assert sign(form) == 0
        assert is_zero(form)


@given(terms, st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_zero_in_disguise_is_seen(parts: list[tuple[Fraction, int]], powers: list[int]) -> None:
    """The same form written over other atoms: every n split into factors, squared, or hidden in a quotient."""
    form, disguise = _form(parts), LogForm({})
    for i, (c, n) in enumerate(parts):
        k = powers[i % len(powers)]
        q = fmpq(c.numerator, c.denominator)
        factor = next(d for d in range(2, n + 1) if n % d == 0)
        if i % 3 == 0:
            disguise = disguise + q / k * log(fmpq(n) ** k)
        elif i % 3 == 1:
            disguise = disguise + q * log(fmpq(factor)) + q * log(fmpq(n, factor))
        else:
            disguise = disguise + q * log(fmpq(n, 7)) + q * log(fmpq(7))
    assert is_zero(form - disguise)
    assert sign(form - disguise) == 0
    assert form == disguise


def test_a_tiny_form_is_not_zero() -> None:
    """A rational approximation of log 3 / log 2: the form is near 1e-40 and its sign is still decided."""
    with mpmath.workdps(80):
        best = Fraction(str(mpmath.nstr(mpmath.log(3) / mpmath.log(2), 45)))
    form = log(fmpq(3)) - fmpq(best.numerator, best.denominator) * log(fmpq(2))
    assert not is_zero(form)
    with mpmath.workdps(80):
        value = mpmath.log(3) - mpmath.mpf(best.numerator) / best.denominator * mpmath.log(2)
        assert sign(form) == int(mpmath.sign(value))
        assert abs(value) < mpmath.mpf(10) ** -40


@given(terms)
def test_order_and_absolute_value(parts: list[tuple[Fraction, int]]) -> None:
    form = _form(parts)
    assert (form < 0) + (form > 0) + (form == 0) == 1
    assert abs(form) >= 0
    assert (form <= 0) == (-form >= 0)


@given(st.lists(st.tuples(st.integers(-4, 4), integers), min_size=1, max_size=4))
def test_exp_inverts_log_for_whole_coefficients(parts: list[tuple[int, int]]) -> None:
    form = _form([(Fraction(c), n) for c, n in parts])
    expected = fmpq(1)
    for c, n in parts:
        expected = expected * fmpq(n) ** c
    assert exp(form) == expected
    assert is_zero(log(expected) - form)


def test_a_root_is_exact_or_a_ball_around_it() -> None:
    assert to_arb(exp(fmpq(1, 2) * log(fmpq(4, 9)))).contains(fmpq(2, 3))
    assert to_arb(exp(fmpq(1, 2) * log(fmpq(2))) ** 2).contains(2)


@given(terms)
def test_balls_enclose_the_value(parts: list[tuple[Fraction, int]]) -> None:
    with mpmath.workdps(40):
        ball = to_arb(_form(parts))
        assert abs(mpmath.mpf(float(ball.mid())) - _mp(parts)) <= 1e-12 * (1 + abs(_mp(parts)))


def test_rational_functions_are_a_field() -> None:
    x, y = symbols("x y")
    assert (x * x - y * y) / (x - y) == x + y
    assert x / y * (y / x) == 1
    assert (x + 1) ** -2 * (x + 1) ** 2 == 1
    assert 1 / (1 / x) == x
    assert x - x == 0
    with pytest.raises(ZeroDivisionError):
        x / (y - y)


def test_symbolic_logarithms() -> None:
    x, y = symbols("x y")
    assert is_zero(log(x * y) - log(x) - log(y))
    assert is_zero(log((x * x - y * y) / (x - y)) - log(x + y))
    assert is_zero(log(4 * x) - 2 * log(fmpq(2)) - log(x))
    assert not is_zero(log(x + y) - log(x) - log(y))
    assert exp(2 * log(x) - log(y)) == x * x / y


def test_a_formal_exponent_raises_its_atoms() -> None:
    x, u = symbols("x u")
    beta = Exponent({x: u})
    assert is_zero(beta * (2 * log(x)) - 2 * log(u))
    assert not is_zero(beta * log(x) - log(x))
    with pytest.raises(NotExact):
        beta * (log(x) + 1)


def test_what_leaves_the_field_of_a_proof_is_not_exact() -> None:
    x, y = symbols("x y")
    for leave in (
        lambda: log(x) * log(y),
        lambda: log(x) / log(y),
        lambda: exp(log(x) / 2),
        lambda: log(fmpq(-1)),
        lambda: log(fmpq(0)),
    ):
        with pytest.raises(NotExact):
            leave()


@given(integers, integers)
def test_products_of_logarithms_of_numbers_become_balls(m: int, n: int) -> None:
    product = log(fmpq(m)) * log(fmpq(n))
    assert isinstance(product, arb)
    assert float(product.mid()) == pytest.approx(np.log(m) * np.log(n), rel=1e-12)
    assume(m != n)
    assert isinstance(log(fmpq(m)) / log(fmpq(n)), arb | LogForm)


def test_fractions_of_python_are_numbers_like_any_other() -> None:
    half, x = Fraction(1, 2), log(fmpq(2))
    sums = (x + half, half + x, x - half, half - x, LogForm({}, half) + x)
    assert [*map(sign, sums)] == [1, 1, 1, -1, 1]
    assert [*map(sign, (x * half, half * x, x / half, log(half), half / x))] == [1, 1, 1, -1, 1]
    assert is_zero(log(half) + x) and is_zero(x / half - 2 * x) and is_zero((x + half) - x - half)
