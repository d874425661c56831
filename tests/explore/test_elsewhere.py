"""The objects of an instance open in the other parts where they fit."""

from __future__ import annotations

from fractions import Fraction
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from didlab.explore import instances, objectives, policies, tokens
from didlab.explore.claims import State
from didlab.explore.elsewhere import elsewhere
from didlab.explore.state import parse
from didlab.sequences import log_probability

from .states import BROKEN


def test_objects_open_only_where_they_fit() -> None:
    seen = dict.fromkeys(("/policies/", "/objectives/", "/tokens/"), 0)
    kinds = {"/policies/": policies.State, "/objectives/": objectives.State, "/tokens/": tokens.State}
    for id in BROKEN:
        now = instances.here(State(id=id))
        assert now is not None
        for _, href in elsewhere(id, now.described["objects"]):
            place = urlsplit(href)
            state, wrong = parse(kinds[place.path], dict(parse_qsl(place.query)))
            assert not wrong
            seen[place.path] += 1
            objects = now.described["objects"]
            if isinstance(state, policies.State | objectives.State):
                name = "policy" if "policy" in objects else "target"
                assert state.policy == tuple(map(Fraction, objects[name]["values"]))
            else:
                assert [len(x) for x in state.tokens()] == [len(objects[n]["values"]) for n in ("chosen", "rejected")]
    assert all(seen.values())


def test_a_uniform_model_of_the_tokens_page_is_the_counterexample() -> None:
    id = "gip.thm-3.suffix.shared-logits"
    now = instances.here(State(id=id))
    assert now is not None
    href = next(h for w, h in elsewhere(id, now.described["objects"]) if w == "Open in Tokens")
    state, _ = parse(tokens.State, dict(parse_qsl(urlsplit(href).query)))
    model = state.token_model()
    for y in state.tokens():  # a row for each token, uniform: sums of a few equal logarithms
        np.testing.assert_allclose(
            float(log_probability(model, np.asarray(y))), -len(y) * np.log(len(state.vocabulary)), rtol=1e-14
        )
