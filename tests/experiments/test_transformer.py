"""The small transformer behind gip-3 and gip-4: its parts against plain loops, its runs against their record."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from didlab import experiments
from didlab.errors import ArgumentError, FileError
from didlab.experiments import gip_3, gip_4
from didlab.experiments.output import Output
from didlab.experiments.transformer import PROTOCOL, FineTuning, read_record
from didlab.experiments.transformer.corpus import plain_texts, statements, words
from didlab.experiments.transformer.picture import change, picture, token_change
from didlab.experiments.transformer.record import RECORD, shortened, write_record
from didlab.experiments.transformer.styles import STYLES, pair, place
from didlab.experiments.transformer.tokenizer import WordTokenizer

TINY = replace(
    PROTOCOL, width=8, texts=40, text_steps=3, examples=30, pairs=12, pair_steps=4, pair_batch=4, every=2, probed=6,
    differentiated=3, inspected=2,
    settings=tuple(replace(s, steps=2 + (s.steps == 40)) for s in PROTOCOL.settings), recorded=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def world():
    pytest.importorskip("transformers")
    from didlab.experiments.transformer.run import World

    return World(7, TINY)


def test_every_word_of_the_corpus_has_a_number():
    rng, tokenizer = np.random.default_rng(0), WordTokenizer(words())
    for text in plain_texts(rng, 300, agreement=0.5):
        assert tokenizer.decode(tokenizer.encode(text)) == list(text)
    for style in STYLES:
        for label in (0, 1):
            two = pair(style, label, rng, varied=True)
            assert tokenizer.encode(two.chosen) != tokenizer.encode(two.rejected)
            different = [i for i, (a, b) in enumerate(zip(*two, strict=True)) if a != b]
            assert different == [place(style)]
    with pytest.raises(ArgumentError, match="vocabulary"):
        tokenizer.encode(["unheard"])


def test_statements_have_both_sentiments_and_are_hard_to_tell_at_times():
    found = statements(np.random.default_rng(1), 2000, agreement=PROTOCOL.agreement)
    # six standard deviations of the mean of 2,000 throws
    assert abs(np.mean([s.label for s in found]) - 0.5) <= 6 * 0.5 / 2000**0.5
    assert len({s.words for s in found}) > 1000


def test_log_likelihoods_are_those_of_a_loop(world):
    import torch

    from didlab.experiments.transformer.likelihood import pair_likelihoods, response_tokens

    data = world.pairs(STYLES[2], TINY.settings[0]).first(5)
    with torch.no_grad():
        sums, parts = pair_likelihoods(world.model, data), response_tokens(world.model, data)
        for side, rows in enumerate(data):
            for k, (tokens, marked) in enumerate(zip(*rows, strict=True)):
                at = marked.nonzero()[:, 0].tolist()
                # without the padding, one prefix at a time
                one = [world.model(input_ids=tokens[None, :i]).logits[0, -1].log_softmax(-1)[tokens[i]] for i in at]
                # 20 tokens of sums of a few dozen float64 numbers
                assert abs(float(sums[side][k]) - sum(map(float, one))) <= 1e-12
                assert np.abs(parts[side, k].numpy() - np.array(one)).max() <= 1e-12


def test_gradients_are_those_of_one_backward_pass_each(world):
    import torch

    from didlab.experiments.transformer.gradients import pair_products, token_cosines
    from didlab.experiments.transformer.likelihood import response_tokens

    data = world.pairs(STYLES[1], TINY.settings[0]).first(3)
    products, cosines = pair_products(world.model, data), token_cosines(world.model, data)
    weights = list(world.model.parameters())

    def gradient(value):
        parts = torch.autograd.grad(value, weights, retain_graph=True)
        return torch.cat([p.flatten() for p in parts])

    for k in range(3):
        tokens = response_tokens(world.model, data.at(np.array([k])))[:, 0]
        a, b = (gradient(side.sum()) for side in tokens)
        plain = np.array([float(a @ b), float(a @ a), float(b @ b)])
        # rounding of sums over all parameters, relative to the norms
        assert np.abs(products[k] - plain).max() <= 1e-12 * max(plain[1:])
        rows, columns = ([gradient(t) for t in side] for side in tokens)
        for i, x in enumerate(rows):
            for j, y in enumerate(columns):
                assert abs(cosines[k, i, j] - float(x @ y / (x.norm() * y.norm()))) <= 1e-12
    # before the responses differ, the two sides are one
    assert np.abs(np.diagonal(cosines, axis1=1, axis2=2)[:, : place(STYLES[1])] - 1).max() <= 1e-12


def test_settings_that_differ_in_steps_are_prefixes_of_one_training():
    pytest.importorskip("transformers")
    from didlab.experiments.transformer.run import run

    alone = run(3, replace(TINY, settings=TINY.settings[1:2]))
    together = run(3, TINY)
    for name, x in alone.items():
        assert np.array_equal(x, together[name]), name


def test_exchanged_preferences_exchange_the_start():
    pytest.importorskip("transformers")
    from didlab.experiments.transformer.run import run

    settings = (FineTuning("one style", steps=2), FineTuning("exchanged", steps=2, exchanged=True))
    both = run(4, replace(TINY, settings=settings))
    for style in STYLES:
        start = both[f"one style/{style}/likelihood"][0]
        assert np.abs(both[f"exchanged/{style}/likelihood"][0] - start[::-1]).max() <= 1e-12


def test_margins_of_the_picture():
    run = {}
    for style, w in zip(STYLES, (0.5, -0.1, -0.2), strict=True):
        run[f"one style/{style}/likelihood"] = np.array([[-1.0, -1.0], [-1.0 + w, -2.0]])
        run[f"one style/{style}/geometry"] = np.array([[len(style), 0, 0], [-w, 0, 0]])
        run[f"one style/{style}/token change"] = np.tile(np.arange(1.0, 7.0), (2, 1))
    run["one style/long suffix/token cosines"] = np.array([1.0, 1.0, 1.0, -0.5, 0.25, 1.0])
    found = picture(run, "one style")
    assert all(x > 0 for name, x in found.items() if "before DPO" not in name)
    assert found["cosine grows with the suffix, before DPO"] == len("long suffix") - len("short suffix")
    assert found["cosine above 0 at every identical token"] == 0.25
    assert change(run, "varied suffixes", "single token") == 0.5, "a single token has no suffix to vary"
    assert token_change(run, "one style", "long suffix") == (6.0, 4.0, 11.0)
    assert token_change(run, "one style", "single token") == (0.0, 1.0, 20.0)


class Killed(Exception):
    pass


@pytest.mark.slow
def test_figures_resume_to_the_same_bytes_whatever_the_processes(tmp_path):
    pytest.importorskip("transformers")

    def kill(text, share):
        if share >= 0.3:
            raise Killed

    for name, module in (("gip-3", gip_3), ("gip-4", gip_4)):
        whole, killed = (Output(name, tmp_path / f) for f in ("whole", "killed"))
        module.make(whole, TINY, (0, 1))
        killed.progress = kill
        with pytest.raises(Killed):
            module.make(killed, TINY, (0, 1))
        killed.progress = whole.progress
        assert [p.name for p in killed.folder.iterdir() if p.stem.startswith(name)] == []
        module.make(killed, TINY, (0, 1))
    names = sorted(p.name for p in whole.folder.iterdir())
    assert names == sorted(p.name for p in killed.folder.iterdir())
    assert {"gip-3.png", "gip-4-heatmap.csv", "gip-4.json"} <= set(names)
    assert all((whole.folder / n).read_bytes() == (killed.folder / n).read_bytes() for n in names)


def test_a_record_of_another_protocol_is_refused(tmp_path):
    path = tmp_path / "recorded.json"
    with pytest.raises(FileError, match=r"no recorded runs.*python -m didlab"):
        read_record(TINY, path)
    write_record({0: {"a/likelihood": np.ones((2, 2))}}, TINY, path)
    assert read_record(TINY, path)[0]["a/likelihood"].shape == (2, 2)
    with pytest.raises(FileError, match="records protocol"):
        read_record(replace(TINY, beta=0.2), path)
    path.write_text("{}")
    with pytest.raises(FileError, match="no recorded runs"):
        read_record(replace(TINY, beta=0.3), path)


def test_the_record_is_of_the_protocol_and_whole():
    runs = read_record()
    assert tuple(sorted(runs)) == PROTOCOL.seeds
    assert all(np.isfinite(x).all() for r in runs.values() for x in r.values())
    assert RECORD.stat().st_size <= 1_000_000
    assert len({r["one style/long suffix/likelihood"][0, 0] for r in runs.values()}) == len(runs)


@pytest.mark.slow
def test_a_recorded_run_is_repeated():
    pytest.importorskip("transformers")
    from didlab.experiments.transformer.run import run

    recorded, seed = read_record(), PROTOCOL.seeds[5]
    again = {k: np.array(x) for k, x in shortened(run(seed, PROTOCOL)).items()}
    assert again.keys() == recorded[seed].keys()
    for name, x in again.items():
        # Six digits are kept. Processors round float64 differently in the last place (1e-16); over the 700 steps of a
        # run Adam amplifies that where a gradient is about 0, to below 1e-6 of a nat.
        assert np.abs(x - recorded[seed][name]).max() <= 1e-5 * max(1.0, np.abs(x).max()), name


def test_neither_claims_nor_figures_need_transformers():
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from didlab.claims import load; from didlab.engine.judge import judge; import didlab.experiments as e\n"
        "print([c.id for c in load('gip') if 'repeat' in c.id and judge(c).verdict == 'error'], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[] False", done.stderr


def test_without_transformers_the_figure_says_what_to_install(monkeypatch):
    from didlab.experiments.transformer.model import new_model

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(FileError, match=r"didlab\[bridge\]"):
        new_model(TINY, 10, 0)


def test_committed_captions_count_their_tables(request):
    folder = request.config.rootpath / "figures"
    if not (folder / "gip-3.json").exists():
        pytest.skip("the figures are not drawn")
    facts = json.loads((folder / "gip-3.json").read_text())["facts"]
    for setting in gip_3.SHOWN:
        counts = facts[setting]["seeds in which it is true"]
        assert counts["all four"] <= min(counts.values()) <= max(counts.values()) <= len(gip_3.SEEDS)
    recorded = read_record()
    for setting in gip_3.SHOWN:
        margins = [picture(recorded[s], setting) for s in gip_3.SEEDS]
        for name, count in facts[setting]["seeds in which it is true"].items():
            if name != "all four":
                assert count == sum(m[name] > 0 for m in margins)
    assert {"gip-3", "gip-4"} <= set(experiments.figures())
