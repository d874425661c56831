"""The frame of a page: what it starts from, its header and controls, and one state shown with its export bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from ..errors import DidlabError
from . import look, widgets
from .state import parse, query
from .view import View

__all__ = ["Frame"]

S = TypeVar("S")


class Frame(Generic[S]):
    """What every page does with its states; marimo follows no change in it, so that no cell waits for another here.

    Attributes:
        start: the state that the address asks for.
        wrong: what was wrong with the address.
        last: the state that is shown.
    """

    def __init__(self, mo: Any, part: str, kind: type[S]) -> None:
        """Args: marimo as the page has it, the part, its states."""
        self.mo, self.part = mo, part
        self.start, self.wrong = parse(kind, mo.query_params().to_dict())
        self.last = kind()
        self.exporter = widgets.Export(name=part)

    def header(self) -> Any:
        """Navigation and title."""
        return self.mo.Html(look.header(self.part))

    def panel(self, *controls: Any) -> Any:
        """The controls, one below the other.

        A cell that names a control runs again when it moves; one that takes it out of a list or a dict does not, so
        that the panel is drawn again only where other controls are wanted.
        """
        return look.panel(self.mo, *controls)

    def answer(
        self, asked: Callable[[], S], view: Callable[[S], View], problems: Sequence[str] = (),
        html: Callable[[S, View, Sequence[str]], str] = lambda _, found, said: look.shown(found, said),
    ) -> Any:  # fmt: skip
        """Show the state that is asked for; where it cannot be shown, say why, and keep the last one.

        Args:
            asked: the state, from the controls.
            view: of a state.
            problems: what else was wrong.
            html: of a state, its view and what was wrong.
        """
        said = [*self.wrong, *problems]
        try:
            state = asked()
            found = view(state)
        except DidlabError as e:
            said.append(str(e))
            state = self.last
            found = view(state)
        return self.show(state, found, html(state, found, said))

    def show(self, state: S, found: View, html: str, **file: Any) -> Any:
        """Show a state, and let the address and the export bar hold it.

        Args:
            state: what is shown.
            found: its view.
            html: of the view.
            file: as for `widgets.follow`.
        """
        self.follow(state, found, **file)
        return self.mo.Html(html)

    def follow(self, state: S, found: View, **file: Any) -> None:
        """Let the address and the export bar hold a state that is shown; arguments as for `show`."""
        self.last = state
        widgets.follow(self.exporter, query(state), found, **file)

    def export(self) -> Any:
        """The export bar, below what is shown."""
        return look.export(self.mo, self.exporter)
