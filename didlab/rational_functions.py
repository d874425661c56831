"""Rational functions with integer coefficients: the indeterminates of symbolic proofs."""

from __future__ import annotations

from typing import Any

from flint import Ordering, fmpq, fmpz, fmpz_mpoly_ctx

__all__ = ["Poly", "Ratio", "symbols"]


class Poly:
    """A primitive polynomial with a hash, so that it can be the atom of an `exact.LogForm`."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.key = str(value)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.key == other.key

    def __repr__(self) -> str:
        return f"({self.key})"


class Ratio:
    """A rational function with integer coefficients, kept in lowest terms.

    >>> x, y = symbols("x y")
    >>> (x * x - y * y) / (x - y)
    x + y
    """

    __slots__ = ("den", "num")

    def __init__(self, num: Any, den: Any) -> None:
        if den == 0:
            raise ZeroDivisionError("division by the zero polynomial")
        common = num.gcd(den)
        if common != 1:
            num, den = num // common, den // common
        if den.leading_coefficient() < 0:
            num, den = -num, -den
        self.num, self.den = num, den

    def _lift(self, other: Any) -> Ratio | None:
        if isinstance(other, Ratio):
            return other
        if isinstance(other, int | fmpz | fmpq):
            q = fmpq(other)
            one = self.den**0
            return Ratio(one * q.p, one * q.q)
        return None

    def __add__(self, other: Any) -> Ratio:
        o = self._lift(other)
        return NotImplemented if o is None else Ratio(self.num * o.den + o.num * self.den, self.den * o.den)

    __radd__ = __add__

    def __neg__(self) -> Ratio:
        return Ratio(-self.num, self.den)

    def __sub__(self, other: Any) -> Ratio:
        o = self._lift(other)
        return NotImplemented if o is None else self + (-o)

    def __rsub__(self, other: Any) -> Ratio:
        return -self + other

    def __mul__(self, other: Any) -> Ratio:
        o = self._lift(other)
        return NotImplemented if o is None else Ratio(self.num * o.num, self.den * o.den)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ratio:
        o = self._lift(other)
        return NotImplemented if o is None else Ratio(self.num * o.den, self.den * o.num)

    def __rtruediv__(self, other: Any) -> Ratio:
        o = self._lift(other)
        return NotImplemented if o is None else o / self

    def __pow__(self, n: int) -> Ratio:
        return Ratio(self.num**n, self.den**n) if n >= 0 else Ratio(self.den**-n, self.num**-n)

    def __eq__(self, other: object) -> bool:
        o = self._lift(other)
        return o is not None and (self - o).num == 0

    def __hash__(self) -> int:
        return hash((str(self.num), str(self.den)))

    def __repr__(self) -> str:
        return str(self.num) if self.den == 1 else f"({self.num})/({self.den})"


def symbols(names: str) -> tuple[Ratio, ...]:
    """Generators of the field of rational functions in the given names, separated by spaces."""
    context = fmpz_mpoly_ctx.get(tuple(names.split()), Ordering.degrevlex)
    return tuple(Ratio(g, g**0) for g in context.gens())
