"""False statements next to judged ones, none of them a registered neighbour: what is drawn has to show each false.

Most are wrong by about a hundredth, at ties alone, on the boundary alone, or where two roles are exchanged.
"""

from __future__ import annotations

from collections.abc import Callable

from didlab.claims.gip_formulas import tabled
from didlab.engine.relations import Relation

Check = Callable[..., Relation]
WRONG: list[tuple[str, str, Check]] = []


def wrong(id: str, what: str, *constants: str) -> Callable[[Check], Check]:
    """A false statement about what the claim of that id draws; the named constants of Table 2 reach it as `k`."""

    def keep(check: Check) -> Check:
        WRONG.append((id, what, tabled(*constants)(check) if constants else check))
        return check

    return keep
