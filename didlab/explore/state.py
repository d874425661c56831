"""A state of the app is a frozen dataclass; as the query of a link it is text, without what is at its default."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, replace
from fractions import Fraction
from typing import Any, TypeVar, get_type_hints
from urllib.parse import quote, urlencode

from ..errors import ArgumentError

__all__ = ["choice", "number", "parse", "query", "weights", "whole", "words"]

S = TypeVar("S")

# What a person, or a link, may ask for: beyond it the browser would draw for seconds.
LONGEST = 4000


def query(state: Any) -> str:
    """The query of a link to a state, empty for the default one.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class State:
    ...     tau: float = 1.0
    ...     reference: tuple[Fraction, ...] = ()
    >>> query(State(0.5, (Fraction(1, 4), Fraction(3, 4))))
    'tau=0.5&reference=1/4,3/4'
    >>> query(State())
    ''
    """
    changed = {f.name: _text(v) for f in fields(state) if (v := getattr(state, f.name)) != _default(f)}
    return urlencode(changed, safe="/,:", quote_via=quote)


def parse(kind: type[S], given: Mapping[str, str]) -> tuple[S, list[str]]:
    """The state that a query asks for, and what was wrong with it: a wrong part is left at its default.

    The dataclass may refuse a value in `__post_init__` by an `ArgumentError` that names the field.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class State:
    ...     tau: float = 1.0
    >>> parse(State, {"tau": "0.5"})
    (State(tau=0.5), [])
    >>> parse(State, {"tau": "warm", "colour": "red"})[1]
    ["`tau` must be a number; got 'warm'", 'nothing here is called `colour`']
    """
    hints, known = get_type_hints(kind), {f.name for f in fields(kind)}  # type: ignore[arg-type]
    state, problems = kind(), []
    for name, text in given.items():
        if name not in known:
            problems.append(f"nothing here is called `{name}`")
            continue
        try:
            state = replace(state, **{name: _READ[hints[name]](name, text)})  # type: ignore[type-var]
        except ArgumentError as e:
            problems.append(str(e))
    return state, problems


def number(name: str, text: str) -> float:
    """A finite number.

    >>> number("tau", "1/4")
    0.25
    """
    try:
        value = float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise ArgumentError(name, "a number", repr(text))
    return value


def whole(name: str, text: str) -> int:
    """A whole number.

    >>> whole("k", "32")
    32
    """
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(name, "a whole number", repr(text)) from None


def weights(name: str, text: str) -> tuple[Fraction, ...]:
    """Weights as fractions or decimals, separated by commas or blanks: at least two, none below 0, one above 0.

    >>> weights("reference", "1/4, 3/4")
    (Fraction(1, 4), Fraction(3, 4))
    """
    expected = "at least two weights such as 1/4, 3/4, none of them negative, not all 0"
    try:
        values = tuple(Fraction(part) for part in text.replace(",", " ").split())
    except (ValueError, ZeroDivisionError):
        raise ArgumentError(name, expected, repr(text)) from None
    if values and not (2 <= len(values) <= LONGEST and min(values) >= 0 and max(values) > 0):
        raise ArgumentError(name, expected, repr(text[:80]))
    return values


def choice(name: str, value: str, there: Sequence[str]) -> None:
    """Refuse what is not among the choices."""
    if value not in there:
        raise ArgumentError(name, f"one of {', '.join(there)}", repr(value))


def words(name: str, text: str) -> tuple[str, ...]:
    """Words, separated by commas or blanks.

    >>> words("chosen", "the film, is good")
    ('the', 'film', 'is', 'good')
    """
    return tuple(text.replace(",", " ").split())


def _integers(name: str, text: str) -> tuple[int, ...]:
    return tuple(whole(name, part) for part in text.replace(",", " ").split())


def _switch(name: str, text: str) -> bool:
    choice(name, text, ("yes", "no"))
    return text == "yes"


_READ: dict[Any, Callable[[str, str], Any]] = {
    float: number,
    int: whole,
    bool: _switch,
    str: lambda name, text: text,
    tuple[Fraction, ...]: weights,
    tuple[str, ...]: words,
    tuple[int, ...]: _integers,
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(str(v) for v in value) if isinstance(value, tuple) else f"{value}"


def _default(f: Field[Any]) -> Any:
    return f.default_factory() if f.default_factory is not MISSING else f.default
