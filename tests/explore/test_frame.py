"""The frame of a page: what it starts from, what it keeps where a state cannot be shown, and the file it writes."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from didlab.errors import ArgumentError
from didlab.explore import data, saved
from didlab.explore.frame import Frame
from didlab.explore.policies import State, view
from didlab.explore.state import query


def frame(**asked: str) -> Frame[State]:
    """The frame of a page that is opened by a link, without a browser."""
    mo = SimpleNamespace(query_params=lambda: SimpleNamespace(to_dict=lambda: asked), Html=str)
    return Frame(mo, "policies", State)


def file(page: Frame[Any], monkeypatch: pytest.MonkeyPatch) -> tuple[str, bytes]:
    """Name and content of what the button “Save this state” gives."""
    sent: list[tuple[Any, Any]] = []
    monkeypatch.setattr(page.exporter, "send", lambda message, buffers: sent.append((message, buffers)))
    page.exporter._save(None, {}, [])
    (message, (content,)), = sent
    return message["name"], content


def test_a_page_starts_from_its_link_and_says_what_is_wrong_with_it() -> None:
    page = frame(tau="0.25", colour="red")
    assert page.start == State(tau=0.25)
    html = page.answer(lambda: page.start, view)
    assert "nothing here is called `colour`" in html and page.exporter.query == "tau=0.25"


def test_where_a_state_cannot_be_shown_the_last_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    page, good = frame(), State(k=3, tau=0.5)
    shown = page.answer(lambda: good, view)
    assert "alert" not in shown

    def refused() -> State:
        raise ArgumentError("tau", "a number", "'warm'")

    for bad, said in (
        (refused, "`tau` must be a number"),
        (lambda: State(reference=(Fraction(1), Fraction(2)), policy=(Fraction(1),) * 3), "`policy` must be as many"),
    ):
        html = page.answer(bad, view, ["and this"])
        assert said in html and "and this" in html and page.last == good and page.exporter.query == query(good)
        assert html.partition("</ul>")[2] == shown.partition(">")[2]  # below the message all is as it was
        assert page.exporter.csv == view(good).csv()
    assert saved.read("x", content=file(page, monkeypatch)[1]).state == good


def test_the_file_is_text_or_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    page = frame()
    page.answer(lambda: State(tau=0.25), view)
    name, content = file(page, monkeypatch)
    assert (name, content) == ("policies-state.json", saved.write("policies", "tau=0.25")) and page.exporter.table == 0
    table = data.Table("mine.parquet", saved.read(data.EXAMPLE).scores)  # type: ignore[arg-type]
    page.follow(State(), view(State()), write=lambda: data.file(data.State(), table), table=table.size)
    name, content = file(page, monkeypatch)
    assert name == "policies-state.parquet" and len(content) == page.exporter.table
    page.follow(State(), view(State()))
    assert file(page, monkeypatch)[0] == "policies-state.json" and page.exporter.table == 0
