"""The list of statements: filters, links and verdicts, and judging one on the spot."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given

from didlab import claims
from didlab.errors import ArgumentError
from didlab.explore import statements
from didlab.explore.claims import State, view
from didlab.explore.state import parse
from didlab.explore.statements import judged, listed, listing

from .reading import printed
from .states import ALL, filters

TEMPERING = "did.claim-4.1.reinforcing.tempering"


@given(filters)
def test_the_python_of_the_list_counts_it(state: State) -> None:
    shown = view(state)
    assert printed(shown.python) == shown.measures
    assert sum(shown.measures.values()) == len(shown.columns["id"]) == listing(state).count("<li>")


def test_every_statement_is_listed_with_its_recorded_verdict() -> None:
    everything = {e["id"]: e["verdict"] for e in listed(State())}
    assert set(everything) == set(ALL) | {e["id"] for e in claims.catalogue()}
    assert {id: v for id, v in everything.items() if id in claims.recorded()} == claims.recorded()


@pytest.mark.parametrize(
    "typed",
    [
        {"id": "did.thm-9.9"}, {"id": "x" * 500}, {"paper": "other"}, {"verdict": "right"}, {"to": "home"}, {"t": "2"},
        {"t": "-0.1"}, {"t": "half"}, {"seed": "-1"}, {"seed": "1.5"}, {"nothing": "1"},
    ],
)  # fmt: skip
def test_a_wrong_link_is_said_and_the_rest_of_it_kept(typed: dict[str, str]) -> None:
    state, problems = parse(State, {"words": "entropy", **typed})
    assert state == State(words="entropy") and len(problems) == 1 and f"`{next(iter(typed))}`" in problems[0]


def test_an_id_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(ArgumentError, match=r"Did you mean did\.thm-3\.2\?"):
        State(id="did.thm-32")


def test_the_neighbours_in_the_list_are_linked() -> None:
    ids = [e["id"] for e in listed(State(words="claim-4.1"))]
    html = statements.around(State(id=ids[1], words="claim-4.1", t=0.5))
    hrefs = [h.split('"')[0].replace("&amp;", "&") for h in html.split('href="')[1:]]
    states = [parse(State, dict(parse_qsl(urlsplit(h).query)))[0] for h in hrefs]
    assert states == [State(words="claim-4.1", id=i) for i in ("", ids[0], ids[2])]


def test_judging_shows_the_evidence() -> None:
    html, n = judged("did.thm-3.2"), len(ALL["did.thm-3.2"].printed.neighbours)
    assert "holds" in html and "Evidence: symbolic" in html and f"False neighbours: {n} of {n} refuted" in html
    html = judged(TEMPERING)
    assert "conditional" in html and "Evidence under the assumption" in html and "Minimality" in html
