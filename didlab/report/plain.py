"""What the commands print, as a string: for notebooks and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.judge import Judgement

if TYPE_CHECKING:
    from ..diagnose import Diagnosis

__all__ = ["text"]


def text(found: Judgement | Diagnosis) -> str:
    """All about a judgement, as `didlab show` prints it, or about a diagnosis, as `didlab diagnose` does.

    Args:
        found: what `didlab.testing.judge` or `didlab.diagnose.diagnose` returns.

    Returns:
        lines of plain text.

    >>> from didlab import entropy
    >>> from didlab.testing import Policies, at_least, claim, judge
    >>> @claim("mine.bound", where="my note", title="A bound", statement=r"H(p) \\ge 1", draws=(Policies("p"),))
    ... def bound(p):
    ...     return at_least(entropy(p), 1)
    >>> print(text(judge(bound, effort="quick")))
    A bound
    mine.bound · my note
    ...
    Counterexample
      p  1/2  1/2
      0.693147 ≥ 1: false
    ...
    """
    if isinstance(found, Judgement):
        from ..engine.verdict import as_data
        from .terminal import show

        return "\n".join(said.rstrip() for _, said in show(as_data(found)))
    from .diagnosis import lines

    return "\n".join(lines(found))
