"""The synthetic counterparts of Figures 1, 2 and 7 of the gradient paper: pairs, training, captions."""

import json

import numpy as np
import pytest
import torch

from didlab import experiments
from didlab.experiments import gip_curves, gip_training
from didlab.experiments.gip_training import train
from didlab.experiments.gip_world import EDITS, LONGEST, OWN, SAMPLES, World, likelihoods
from didlab.objectives import get

WORLD = World.of((100, 101))


@pytest.mark.parametrize("kind", [SAMPLES, EDITS, OWN])
def test_pairs_are_what_they_say(kind):
    batch = WORLD.pairs(kind, 200, 3)
    chosen, rejected = batch.tokens[:, :200], batch.tokens[:, 200:]
    ended = batch.tokens == 0
    # a response counts up to and with its first token 0
    assert (batch.lengths == np.where(ended.any(-1), ended.argmax(-1) + 1, LONGEST)).all()
    assert (batch.counts.sum(-1) == batch.lengths).all()
    np.testing.assert_array_equal(batch.hidden[:, :200, 0], batch.hidden[:, 200:, 0])  # one prompt for both
    if kind == EDITS:
        differ = (chosen != rejected) & batch.counts[:, :200]
        assert (batch.lengths[:, :200] == batch.lengths[:, 200:]).all()
        free = (chosen != 0).any(-1)
        assert differ.any(-1)[free].all() and not differ[chosen == 0].any()
    # labels follow the hidden reward: the better response is chosen in more than half of the pairs, not in all
    gain = likelihoods(batch, WORLD.reward) - likelihoods(batch, WORLD.reference)
    share = (gain[:, :200] > gain[:, 200:]).mean(1)
    assert (share > 0.55).all() and (share < 0.99).all()
    again = World.of((101,)).pairs(kind, 200, 3)
    np.testing.assert_array_equal(again.tokens[0], batch.tokens[1])  # whatever the other seeds


def test_gradients_and_likelihoods_are_those_of_autograd():
    names = ("DPO", "R-DPO", "SimPO", "IPO", "RRHF", "CPO", "KTO", "SPPO")
    objectives = [gip_curves.objectives_of_table_2()[n] for n in names]
    batch = WORLD.pairs(SAMPLES, 5, 0)
    rng = np.random.default_rng(0)
    theta = WORLD.reference[:, None] + 0.3 * rng.normal(size=(2, len(names), 16, 16))
    found = gip_training._gradient(batch, objectives, theta, WORLD.reference)

    def log_p(layer, s):
        rows = torch.log_softmax(torch.tensor(batch.hidden[s]) @ layer, -1)
        picked = rows.gather(-1, torch.tensor(batch.tokens[s])[..., None])[..., 0]
        return (picked * torch.tensor(batch.counts[s])).sum(-1)

    for s in range(2):
        reference = log_p(torch.tensor(WORLD.reference[s]), s)
        lengths = torch.tensor(batch.lengths[s], dtype=torch.float64)
        np.testing.assert_allclose(likelihoods(batch, WORLD.reference)[s], reference.numpy(), rtol=1e-12)
        for k, objective in enumerate(objectives):
            layer = torch.tensor(theta[s, k], requires_grad=True)
            v = log_p(layer, s)
            loss = objective.value(v[:5], v[5:], reference[:5], reference[5:], chosen_length=lengths[:5],
                                   rejected_length=lengths[5:]).mean()
            expected = torch.autograd.grad(loss, layer)[0].numpy()
            np.testing.assert_allclose(found[s, k], expected, rtol=0, atol=1e-12 * max(1.0, abs(expected).max()))


def test_adam_is_that_of_torch():
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=3), rng.normal(size=(5, 3))
    state = {"theta": start.copy(), "mean": np.zeros(3), "square": np.zeros(3)}
    theta = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([theta], lr=0.01)
    for n, g in enumerate(gradients):
        gip_training._adam(state, g, n + 1, 0.01)
        theta.grad = torch.tensor(g)
        optimiser.step()
    np.testing.assert_allclose(state["theta"], theta.detach().numpy(), rtol=1e-12)


class Killed(Exception):
    pass


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path):
    objectives, file = [get("dpo", beta=0.1)], tmp_path / "run.npz"
    whole = train(WORLD, SAMPLES, objectives, steps=135)

    def kill(share):
        if share > 0.9:
            raise Killed

    with pytest.raises(Killed):
        train(WORLD, SAMPLES, objectives, steps=135, checkpoint=file, say=kill)
    assert file.exists()
    for a, b in zip(whole, train(WORLD, SAMPLES, objectives, steps=135, checkpoint=file), strict=True):
        np.testing.assert_array_equal(a, b)
    alone = train(World.of((100,)), SAMPLES, objectives, steps=30)
    np.testing.assert_allclose(alone.chosen[:, 0], whole.chosen[:3, 0], rtol=1e-12)


def test_a_small_figure_is_made_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(gip_curves, "SEEDS", (100, 101))
    monkeypatch.setattr(gip_curves, "STEPS", 30)
    for folder in ("a", "b"):
        experiments.make("gip-1", tmp_path / folder)
    names = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert names == ["README.md", "gip-1.csv", "gip-1.json", "gip-1.png"]
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names)


def test_patterns():
    p = gip_curves.pattern
    assert (p(1, 1), p(-1, -1), p(1, -1), p(-1, 1)) == (
        gip_curves.RISE, gip_curves.FALL, gip_curves.APART, gip_curves.BACKWARDS)


def test_committed_figures_say_what_their_numbers_say(request):
    folder = request.config.rootpath / "figures"
    if not (folder / "gip-2.json").exists():
        pytest.skip("the figures are not drawn")
    facts = json.loads((folder / "gip-2.json").read_text())["facts"]
    assert set(facts) == set(gip_curves.objectives_of_table_2())
    for name, fact in facts.items():
        assert sum(fact["seeds by pattern"].values()) == 16
        moved = fact["chosen, median change"], fact["rejected, median change"]
        assert fact["pattern of the medians"] == gip_curves.pattern(*moved)
        assert name == "KTO" or fact["as the paper says"] == (
            fact["pattern of the medians"] in gip_curves.SAID[name])
