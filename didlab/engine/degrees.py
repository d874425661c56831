r"""Degrees of a rational function, followed through a formula without expanding it.

A :class:`Degree` bounds the degrees of numerator and denominator in the drawn integers. If a residual of numerator
degree d does not vanish identically, it vanishes at a point drawn uniformly from :math:`S^n` with probability at
most :math:`d/|S|` (Schwartz and Zippel).
"""

from __future__ import annotations

from typing import Any

__all__ = ["Degree", "LogDegree"]


class Degree:
    """Bounds (numerator, denominator) on the degrees of a rational function."""

    __slots__ = ("den", "num")

    def __init__(self, num: int, den: int = 0) -> None:
        self.num, self.den = num, den

    @staticmethod
    def of(x: Any) -> Degree:
        return x if isinstance(x, Degree) else Degree(0)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, LogDegree):
            return NotImplemented
        o = Degree.of(other)
        return Degree(max(self.num + o.den, o.num + self.den), self.den + o.den)

    __radd__ = __sub__ = __rsub__ = __add__

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, LogDegree):
            return NotImplemented
        o = Degree.of(other)
        return Degree(self.num + o.num, self.den + o.den)

    __rmul__ = __mul__

    def __neg__(self) -> Degree:
        return self

    def __truediv__(self, other: Any) -> Degree:
        o = Degree.of(other)
        return Degree(self.num + o.den, self.den + o.num)

    def __rtruediv__(self, other: Any) -> Degree:
        return Degree.of(other) / self

    def __pow__(self, n: int) -> Degree:
        return Degree(self.num * n, self.den * n) if n >= 0 else Degree(self.den * -n, self.num * -n)

    def __gt__(self, other: Any) -> bool:
        return True

    def log(self) -> LogDegree:
        return LogDegree({id(self): (self, 1)})


class LogDegree:
    """An integer combination of logarithms of rational functions of known degree."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[int, tuple[Degree, Any]]) -> None:
        self.terms = terms

    def __add__(self, other: Any) -> LogDegree:
        if not isinstance(other, LogDegree):
            return LogDegree(dict(self.terms))
        terms = dict(self.terms)
        for key, (degree, c) in other.terms.items():
            terms[key] = (degree, c + terms[key][1] if key in terms else c)
        return LogDegree(terms)

    __radd__ = __add__

    def __neg__(self) -> LogDegree:
        return self * -1

    def __sub__(self, other: Any) -> LogDegree:
        return self + (-other) if isinstance(other, LogDegree) else self

    def __rsub__(self, other: Any) -> LogDegree:
        return -self

    def __mul__(self, c: Any) -> LogDegree:
        return LogDegree({key: (d, k * c) for key, (d, k) in self.terms.items()})

    __rmul__ = __mul__

    def __truediv__(self, c: Any) -> LogDegree:
        return self * (1 / c)

    def exp(self) -> Degree:
        total = Degree(0)
        for degree, c in self.terms.values():
            if int(c) != c:
                raise ArithmeticError("a fractional power is not a rational function")
            total = total * degree ** int(c)
        return total
