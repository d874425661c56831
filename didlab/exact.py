r"""Exact scalars closed under what the formulas do: fields, and rational combinations of logarithms.

A log-probability of a policy with integer weights is :math:`\log n_1 - \log n_2`, an entropy is :math:`\sum_i c_i
\log n_i` with rational :math:`c_i`. :class:`LogForm` is that vector space, over the rationals (`fmpq`) or over
rational functions (:class:`Ratio`), so that the one formula of a measure, written in log-space, can be run exactly.
Products of logarithms and irrational powers leave that space: they become balls of the current precision
(`flint.ctx.prec`), and everything else stays exact. Equality is decided, not approximated: the logarithms of pairwise
coprime integers (or polynomials) above 1 are linearly independent over the coefficient field, so a form is zero
exactly when all its coefficients over a coprime base are.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx, fmpq, fmpz

from .errors import DidlabError, Undecided
from .rational_functions import Poly, Ratio, symbols

__all__ = ["Exponent", "LogForm", "NotExact", "Ratio", "exp", "is_zero", "log", "sign", "symbols", "to_arb"]

MAX_PRECISION = 8192


class NotExact(DidlabError):
    """The value leaves the field of a proof (an irrational power, a product of logarithms of indeterminates)."""


class LogForm:
    r""":math:`c_0 + \sum_j c_j \beta^{k_j} \log a_j`: exact, with a decided sign.

    The keys of `terms` are pairs (atom, k): an integer above 1 or a polynomial, and the power of a formal
    exponent (:class:`Exponent`), 0 everywhere but in symbolic proofs.

    >>> is_zero(log(fmpq(4)) - 2 * log(fmpq(2)))
    True
    >>> sign(log(fmpq(8)) - 2 * log(fmpq(3)))
    -1
    """

    __slots__ = ("const", "terms")

    def __init__(self, terms: Mapping[tuple[Any, int], Any], const: Any = 0) -> None:
        self.terms = {key: c for key, c in terms.items() if c != 0}
        self.const = _field(const)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, LogForm):
            if isinstance(other, arb):
                return to_arb(self) + other
            if not _is_scalar(other):
                return NotImplemented
            return _form(self.terms, self.const + _field(other))
        terms = dict(self.terms)
        for key, c in other.terms.items():
            _accumulate(terms, key, c)
        return _form(terms, self.const + other.const)

    __radd__ = __add__

    def __pos__(self) -> LogForm:
        return self

    def __neg__(self) -> LogForm:
        return _form({key: -c for key, c in self.terms.items()}, -self.const)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, LogForm):
            terms = dict(self.terms)
            for key, c in other.terms.items():
                _accumulate(terms, key, -c)
            return _form(terms, self.const - other.const)
        return self + (-other) if isinstance(other, arb) or _is_scalar(other) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, LogForm):
            if not other.terms:
                return self * other.const
            if not self.terms:
                return other * self.const
            if is_zero(self) or is_zero(other):
                return LogForm({})
            return to_arb(self) * to_arb(other)
        if isinstance(other, arb):
            return LogForm({}) if is_zero(self) else to_arb(self) * other
        if not _is_scalar(other):
            return NotImplemented
        if other == 0:
            return _form({}, fmpq(0))
        other = _field(other)
        return _form(
            {key: c * other for key, c in self.terms.items()}, self.const * other if self.const != 0 else fmpq(0)
        )

    __rmul__ = __mul__

    def __rtruediv__(self, other: Any) -> Any:
        return other / to_arb(self) if isinstance(other, arb) else LogForm({}, other) / self

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, LogForm):
            if is_zero(other):
                raise ZeroDivisionError("division by a logarithm that is zero")
            if other.terms:
                return LogForm({}) if is_zero(self) else to_arb(self) / to_arb(other)
            other = other.const
        if isinstance(other, arb):
            return to_arb(self) / other
        return self * (1 / (fmpq(other) if isinstance(other, int) else _field(other)))

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, LogForm) or _is_scalar(other)) and is_zero(self - other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def symbolic(self) -> bool:
        """Whether indeterminates occur, so that only equality with 0 has a meaning."""
        return isinstance(self.const, Ratio) or any(
            not isinstance(a, int) or k or isinstance(c, Ratio) for (a, k), c in self.terms.items()
        )

    def _ordered(self, other: Any) -> int:
        return sign(self - other)

    def __lt__(self, other: Any) -> bool:
        return self._ordered(other) < 0

    def __gt__(self, other: Any) -> bool:
        return self._ordered(other) > 0

    def __le__(self, other: Any) -> bool:
        return self._ordered(other) <= 0

    def __ge__(self, other: Any) -> bool:
        return self._ordered(other) >= 0

    def __abs__(self) -> LogForm:
        return -self if sign(self) < 0 else self

    def __repr__(self) -> str:
        parts = [] if self.const == 0 and self.terms else [str(self.const)]
        for (atom, k), c in self.terms.items():
            power = "" if k == 0 else "β " if k == 1 else f"β^{k} "
            parts.append(f"{'' if c == 1 else f'({c}) '}{power}log {atom}")
        return " + ".join(parts)


def _form(terms: dict[tuple[Any, int], Any], const: Any) -> LogForm:
    """A form from terms that are known to hold no zero coefficient."""
    form = LogForm.__new__(LogForm)
    form.terms, form.const = terms, const
    return form


def _accumulate(terms: dict[tuple[Any, int], Any], key: tuple[Any, int], c: Any) -> None:
    if key in terms:
        c = terms[key] + c
        if c == 0:
            del terms[key]
            return
    terms[key] = c


class Exponent:
    r"""A formal real exponent :math:`\beta` in a symbolic proof.

    `powers` maps an atom r to the atom u that stands for :math:`r^\beta`; the two are independent
    indeterminates, because for generic :math:`\beta` they are algebraically independent.
    """

    def __init__(self, powers: Mapping[Ratio, Ratio]) -> None:
        self._up = {_atom(r): _atom(u) for r, u in powers.items()}

    def __mul__(self, other: Any) -> LogForm:
        if not isinstance(other, LogForm):
            return NotImplemented
        if other.const != 0:
            raise NotExact("a formal exponent multiplies logarithms only")
        total = LogForm({})
        for (atom, k), c in other.terms.items():
            key = (self._up[atom], 0) if k == 0 and atom in self._up else (atom, k + 1)
            total = total + LogForm({key: c})
        return total

    __rmul__ = __mul__

    def __gt__(self, other: Any) -> bool:
        return True  # a formal exponent stands for any positive real number


def _atom(r: Ratio) -> Poly:
    return Poly(r.num)


def _is_scalar(x: Any) -> bool:
    return isinstance(x, int | fmpz | fmpq | Ratio | Fraction)


def _field(x: Any) -> Any:
    """A scalar as flint has it."""
    return fmpq(x.numerator, x.denominator) if isinstance(x, Fraction) else x


def _is_exact(x: Any) -> bool:
    return isinstance(x, LogForm) or _is_scalar(x)


def log(x: Any) -> Any:
    """Logarithm of a positive field element, as a :class:`LogForm`; of a ball, as a ball."""
    if isinstance(x, arb) or not _is_exact(x):
        return x.log()
    if isinstance(x, Ratio):
        return _log_poly(x.num) - _log_poly(x.den)
    if isinstance(x, LogForm):
        if x.terms:
            return to_arb(x).log()
        x = x.const
    q = fmpq(_field(x))
    if q <= 0:
        raise NotExact(f"the logarithm of {q}")
    terms: dict[tuple[Any, int], Any] = {}
    if q.p != 1:
        terms[(int(q.p), 0)] = fmpq(1)
    if q.q != 1:
        terms[(int(q.q), 0)] = fmpq(-1)
    return LogForm(terms)


def _log_poly(f: Any) -> LogForm:
    content = fmpz(0)
    for c in f.coeffs():
        content = content.gcd(c)
    primitive = f // (f**0 * content)
    terms: dict[tuple[Any, int], Any] = {}
    if content != 1:
        terms[(int(content), 0)] = fmpq(1)
    if primitive != 1:
        terms[(Poly(primitive), 0)] = fmpq(1)
    return LogForm(terms)


def exp(x: Any) -> Any:
    """Exponential of a form with integer coefficients, exact; of a ball, as a ball."""
    if isinstance(x, arb) or not _is_exact(x):
        return x.exp()
    if not isinstance(x, LogForm):
        x = LogForm({}, x)
    if x.const != 0:
        return to_arb(x).exp()
    top, bottom = 1, 1
    for (atom, k), c in x.terms.items():
        if k or type(atom) is not int or type(c) is not fmpq or c.q != 1:
            return _exp_over_coprime_base(x)
        n = int(c.p)
        if n > 0:
            top *= atom**n
        else:
            bottom *= atom**-n
    return fmpq(top, bottom)


def _exp_over_coprime_base(x: LogForm) -> Any:
    terms, result = x.terms, fmpq(1)
    if any(not _integral(c) for c in terms.values()):
        terms = _over_coprime_base(x)
    for (atom, k), c in terms.items():
        if k or not _integral(c):
            return to_arb(x).exp()
        n = int(fmpq(c).p) if not isinstance(c, Ratio) else int(str(c))
        base = fmpq(atom) if isinstance(atom, int) else Ratio(atom.value, atom.value**0)
        result = result * base**n
    return result


def _integral(c: Any) -> bool:
    return (c.num.is_constant() and c.den == 1) if isinstance(c, Ratio) else fmpq(c).q == 1


def _over_coprime_base(x: LogForm) -> dict[tuple[Any, int], Any]:
    """The same form over pairwise coprime atoms (factor refinement: gcds only, nothing is factored)."""
    out: dict[tuple[Any, int], Any] = {}
    for k in {k for _, k in x.terms}:
        for numeric in (True, False):
            atoms = [a for a, j in x.terms if j == k and isinstance(a, int) is numeric]
            values = [fmpz(a) if numeric else a.value for a in atoms]
            for base in _coprime_base(values):
                total: Any = 0
                for atom, value in zip(atoms, values, strict=True):
                    e = 0
                    while value != 1 and value % base == 0:
                        value, e = value // base, e + 1
                    if e:
                        total = x.terms[(atom, k)] * e + total
                if total != 0:
                    out[(int(base) if numeric else Poly(base), k)] = total
    return out


def _coprime_base(values: list[Any]) -> list[Any]:
    base: list[Any] = []
    todo = [v for v in values if v != 1]
    while todo:
        v = todo.pop()
        for i, b in enumerate(base):
            g = v.gcd(b)
            if g != 1 and g != -1:
                del base[i]
                todo += [p for p in (g, v // g, b // g) if p != 1]
                break
        else:
            base.append(v)
    return base


def is_zero(x: Any) -> bool:
    """Whether an exact value is zero: a decision, not an approximation."""
    if not isinstance(x, LogForm):
        return bool(x == 0)
    if not x.terms:
        return bool(x.const == 0)
    if x.const != 0:
        return False  # 1 is independent of the logarithms of algebraic numbers (Baker)
    if not x.symbolic and not to_arb(x).contains(0):
        return False
    return not _over_coprime_base(x)


def sign(x: Any) -> int:
    """The sign of an exact number: -1, 0 or 1."""
    if not isinstance(x, LogForm):
        return (x > 0) - (x < 0)
    before = ctx.prec
    try:
        for ctx.prec in (64, 256, 1024, 4096, MAX_PRECISION):
            value = to_arb(x)
            if value > 0:
                return 1
            if value < 0:
                return -1
            if ctx.prec == 64 and is_zero(x):
                return 0
    finally:
        ctx.prec = before
    raise Undecided(f"the sign of {x} is not decided at {MAX_PRECISION} bits")


@lru_cache(maxsize=1 << 16)
def _log_of_integer(n: int, precision: int) -> arb:
    return arb(n).log()


def to_arb(x: Any) -> arb:
    """A ball around an exact number, at the current precision."""
    if isinstance(x, arb):
        return x
    if not isinstance(x, LogForm):
        return arb(fmpq(_field(x)))
    if x.symbolic:
        raise NotExact(f"{x} has no numerical value")
    total = arb(fmpq(x.const))
    for (atom, _), c in x.terms.items():
        total += _log_of_integer(atom, ctx.prec) * c
    return total
