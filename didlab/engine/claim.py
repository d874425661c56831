"""A claim: one decorated function with everything needed to judge, report and document a statement."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any

from ..errors import ClaimError
from .kinds import Kind, instance_fields
from .relations import Relation, both, implies

__all__ = ["Assumption", "Claim", "Statement", "claim", "collect"]

Check = Callable[..., Relation]
STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True)
class Statement:
    """Something that is true or false of every instance: LaTeX text, a check, and what the check draws."""

    text: str
    check: Check
    draws: tuple[Kind, ...]
    neighbours: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    symbolic: tuple[int, ...] = (2, 3, 4)
    exact_instances: int | None = None

    def __call__(self, arguments: Mapping[str, Any]) -> Relation:
        return _called(self.check, arguments)

    def neighbour(self, name: str) -> Statement:
        """The false statement next to this one: the same check with one thing changed."""
        return replace(self, check=partial(self.check, **self.neighbours[name]), neighbours={})

    def under(self, predicate: Check) -> Statement:
        """The same conclusion with one more hypothesis."""
        check = self.check

        def conditional(**arguments: Any) -> Relation:
            extra, relation = _called(predicate, arguments), _called(check, arguments)
            if relation.kind == "implies":
                return implies(both(extra, relation.parts[0]), relation.parts[1])
            return implies(extra, relation)

        names = dict(inspect.signature(check).parameters) | dict(inspect.signature(predicate).parameters)
        conditional.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in names.values()]
        )
        return replace(self, check=conditional)


def _called(check: Check, arguments: Mapping[str, Any]) -> Relation:
    """A check of those arguments that it asks for."""
    wanted = inspect.signature(check).parameters
    missing = [k for k, p in wanted.items() if p.default is p.empty and p.kind not in STARRED and k not in arguments]
    if missing:
        raise ClaimError(f"the check asks for {', '.join(missing)}; what is drawn is called {', '.join(arguments)}")
    return check(**{k: v for k, v in arguments.items() if k in wanted})


@dataclass(frozen=True)
class Assumption:
    """What the paper leaves unsaid: it does not mention the conclusion."""

    text: str
    predicate: Check
    own_setting: bool = False
    draws: tuple[Kind, ...] | None = None


@dataclass(eq=False)
class Claim:
    """A statement of a paper, the assumption or the correction it may need, and how it is read."""

    id: str
    where: str
    title: str
    printed: Statement
    reading: str = ""
    note: str = ""
    measurements: tuple[str, ...] = ()
    assumption: Assumption | None = None
    correction: Statement | None = None

    @property
    def paper(self) -> str:
        return self.id.split(".")[0]

    @property
    def amended(self) -> Statement | None:
        """The statement that should hold where the printed one does not."""
        if self.assumption is not None:
            return replace(
                self.printed.under(self.assumption.predicate), draws=self.assumption.draws or self.printed.draws
            )
        return self.correction

    def assuming(
        self, text: str, *, own_setting: bool = False, draws: tuple[Kind, ...] | None = None
    ) -> Callable[[Check], Check]:
        """Decorator: the named assumption under which the printed conclusion follows.

        `own_setting` says that the paper itself works under it; `draws` are kinds that meet it by construction.
        """

        def attach(predicate: Check) -> Check:
            self.assumption = Assumption(text, predicate, own_setting, draws)
            return predicate

        return attach

    def corrected(
        self,
        text: str,
        *,
        draws: tuple[Kind, ...] | None = None,
        symbolic: tuple[int, ...] | None = None,
        neighbours: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Callable[[Check], Check]:
        """Decorator: the statement that is true instead."""

        def attach(check: Check) -> Check:
            self.correction = Statement(
                text,
                check,
                draws or self.printed.draws,
                neighbours or {},
                self.printed.symbolic if symbolic is None else symbolic,
            )
            return check

        return attach

    def __call__(self, *args: Any, **kwargs: Any) -> Relation:
        return self.printed.check(*args, **kwargs)


def claim(
    id: str,
    *,
    where: str,
    title: str,
    statement: str,
    draws: tuple[Kind, ...],
    reading: str = "",
    note: str = "",
    neighbours: Mapping[str, Mapping[str, Any]] | None = None,
    symbolic: tuple[int, ...] = (2, 3, 4),
    measurements: tuple[str, ...] = (),
) -> Callable[[Check], Claim]:
    r"""Declare a claim: the decorated function maps the drawn objects to a relation.

    Args:
        id: permanent name, "paper.statement".
        where: the place in the paper.
        title: one line for a list.
        statement: LaTeX (text in \text{...}).
        draws: the kinds of objects the statement is about; their names are the function's arguments.
        reading: which reading of the words this entry judges.
        note: what the report adds in words.
        neighbours: name -> changed keyword arguments: false statements the same check must refute.
        symbolic: sizes at which an identity is proved with indeterminates.
        measurements: names of the measurements it speaks of.

    Returns:
        a decorator that turns the check into a :class:`Claim`.

    Raises:
        ClaimError: an id of another form.

    >>> from didlab.engine.kinds import Policies
    >>> from didlab.engine.relations import at_least
    >>> from didlab import kl_divergence
    >>> @claim("mine.gibbs", where="folklore", title="KL is not negative", statement=r"D(p\|q) \ge 0",
    ...        draws=(Policies("p", "q"),))
    ... def gibbs(p, q):
    ...     return at_least(kl_divergence(p, q), 0)
    >>> gibbs.paper
    'mine'
    """
    if not isinstance(id, str) or "." not in id:
        raise ClaimError(f"a claim's id must look like 'paper.statement'; got {id!r}")

    def wrap(check: Check) -> Claim:
        return Claim(
            id,
            where,
            title,
            Statement(statement, check, draws, neighbours or {}, symbolic),
            reading,
            note,
            measurements,
        )

    return wrap


def collect(module: ModuleType) -> list[Claim]:
    """The claims that a module defines, in the order of definition.

    Args:
        module: an imported module.

    Returns:
        its claims.

    Raises:
        ClaimError: a claim draws two objects of the same name.

    >>> import didlab.engine.claim
    >>> collect(didlab.engine.claim)
    []
    """
    found = [x for x in vars(module).values() if isinstance(x, Claim)]
    for c in found:
        check_arguments(c)
    return found


def check_arguments(c: Claim) -> None:
    """Raise ClaimError where two kinds draw one name, or a neighbour changes what the check does not take."""
    for part in (c.printed, c.correction):
        if part is None:
            continue
        if len(instance_fields(part.draws)) != sum(len(k.fields) for k in part.draws):
            raise ClaimError(f"{c.id}: two of the drawn kinds use the same name")
        taken = inspect.signature(part.check).parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
            continue
        for name, changed in part.neighbours.items():
            if odd := [k for k in changed if k not in taken]:
                what = ", ".join(odd)
                raise ClaimError(f"{c.id}: the neighbour {name!r} changes {what}, which the check does not take")
