"""From a preference file to a table: tokenisation, parts, resuming, several processes, and what is refused."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest

from didlab.bridge import CallableBackend, Item
from didlab.bridge.data import Pair, pairs, read_rows
from didlab.bridge.load import load_backend, load_tokenizer
from didlab.bridge.score import Plan, batches, score
from didlab.bridge.table import read_scores
from didlab.cli import main
from didlab.errors import ArgumentError, AuditError, BackendError, FileError


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path, rows):
    return write(tmp_path / "data.jsonl", rows)


def test_plain_text_keeps_every_token_once(rows, tokenizer):
    for row, pair in zip(rows, pairs(rows, tokenizer), strict=True):
        for role, item in pair.items():
            assert item.prompt + item.response == (*tokenizer(row["prompt"] + row[role])["input_ids"], 2)
            assert item.prompt == tuple(tokenizer(row["prompt"])["input_ids"])
    assert pairs(rows, tokenizer, end=False)[0].chosen.response[-1] != 2


def test_texts_begin_and_end_once(tokenizer):
    """A tokenizer that puts the beginning itself, and texts that bring their end: neither is doubled nor lost."""
    from tokenizers.processors import TemplateProcessing

    begins = copy.deepcopy(tokenizer)
    begins.backend_tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    for prompt in ("review the film ", ""):
        for maker, count in ((begins, 1), (tokenizer, 0)):
            pair = pairs([{"prompt": prompt, "chosen": "good <eos>", "rejected": "bad"}], maker)[0]
            for _, item in pair.items():
                assert item.prompt[:1] == (1,) * count or count == 0
                assert (*item.prompt, *item.response).count(1) == count
                assert item.response.count(2) == 1 and item.response[-1] == 2


def test_beginning_and_end_are_not_doubled_by_a_text_that_brings_them(tokenizer):
    """A prompt that went through a chat template already, and a tokenizer that puts the beginning itself."""
    from tokenizers.processors import TemplateProcessing

    begins = copy.deepcopy(tokenizer)
    begins.backend_tokenizer.post_processor = TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    row = {"prompt": "<bos> review the film", "chosen": " good", "rejected": " bad"}
    for maker in (begins, tokenizer):
        pair = pairs([row], maker)[0]
        assert pair.chosen.prompt == tuple(tokenizer("<bos> review the film")["input_ids"])
    ends = copy.deepcopy(tokenizer)
    ends.backend_tokenizer.post_processor = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 2)])
    pair = pairs([{"prompt": "review", "chosen": " good <eos>", "rejected": " bad"}], ends)[0]
    assert [ends.decode(i.response) for i in (pair.chosen, pair.rejected)] == ["good <eos>", "bad <eos>"]
    begins.chat_template = "<bos> " + tokenizer.chat_template
    said = {"prompt": [{"role": "user", "content": "review"}], "chosen": [{"role": "assistant", "content": "good"}],
            "rejected": [{"role": "assistant", "content": "bad"}]}
    pair = pairs([said], begins)[0]
    assert begins.decode(pair.chosen.prompt) == "<bos> <user> review <end> <assistant>"
    assert begins.decode(pair.rejected.response) == "bad <end>"
    alone = pairs([{k: said[k] for k in ("chosen", "rejected")}], begins)[0]  # responses to nothing have a beginning
    assert (alone.chosen.prompt, begins.decode(alone.chosen.response)) == ((1,), "<assistant> good <end>")


def test_blanks_at_the_end_of_a_prompt_belong_to_the_response():
    """A byte-level tokenizer, whose words bring the blank before them: none is lost, and none stands alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({c: n for n, c in enumerate([*alphabet, "Ġg", "ĠĠ"])}, [("Ġ", "g"), ("Ġ", "Ġ")]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    plain = PreTrainedTokenizerFast(tokenizer_object=made)  # neither padding nor beginning nor end
    assert plain.eos_token_id is None and plain.pad_token_id is None
    for blanks in ("", " ", "  ", "\n", " \n\t "):
        pair = pairs([{"prompt": f"a film{blanks}", "chosen": "good", "rejected": " bad "}], plain)[0]
        for item, text in ((pair.chosen, f"a film{blanks}good"), (pair.rejected, f"a film{blanks} bad ")):
            assert plain.decode(item.prompt) == "a film"
            assert plain.decode(item.prompt + item.response) == text
    nothing = pairs([{"prompt": "  ", "chosen": "good", "rejected": "bad"}], plain)[0]
    assert nothing.chosen.prompt == () and plain.decode(nothing.chosen.response) == "  good"


def test_a_token_across_the_boundary_belongs_to_the_response():
    """Pieces of two characters: 'ab' + 'cd' splits as it would, 'abc' + 'd' does not."""

    class Pieces:
        eos_token_id = bos_token_id = None

        def __call__(self, text):
            return {"input_ids": [hash(text[k : k + 2]) % 1000 for k in range(0, len(text), 2)]}

    row = {"prompt": "abc", "chosen": "de", "rejected": "xy"}
    made = pairs([row], Pieces())[0]
    whole = tuple(Pieces()("abcde")["input_ids"])
    assert (made.chosen.prompt, made.chosen.response) == (whole[:1], whole[1:])


def test_conversations_and_implicit_prompts(tokenizer):
    ask, good, bad = (
        [{"role": "user", "content": "review the film"}],
        [{"role": "assistant", "content": "it was good"}],
        [{"role": "assistant", "content": "it was bad"}],
    )
    explicit = pairs([{"prompt": ask, "chosen": good, "rejected": bad}], tokenizer)[0]
    implicit = pairs([{"chosen": ask + good, "rejected": ask + bad}], tokenizer)[0]
    assert explicit.chosen == implicit.chosen
    assert tokenizer.decode(explicit.chosen.prompt) == "<user> review the film <end> <assistant>"
    assert tokenizer.decode(explicit.rejected.response) == "it was bad <end>"
    text = pairs([{"chosen": "the film was good", "rejected": "the film was bad"}], tokenizer)[0]
    assert tokenizer.decode(text.chosen.prompt) == "the film was"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "a"}, "row 1"),
        ({"prompt": "a", "chosen": "b", "rejected": ["c"]}, "two texts"),
        ({"prompt": [], "chosen": "b", "rejected": "c"}, "text for texts"),
        ({"prompt": "a", "chosen": "", "rejected": "c"}, "not empty"),
        ({"chosen": [], "rejected": [{"role": "user", "content": "c"}]}, "not empty"),
        ({"prompt_ids": [1], "chosen_ids": [], "rejected_ids": [2]}, "at least one token"),
        ({"prompt_ids": [1], "chosen_ids": [-1], "rejected_ids": [2]}, "integers of at least 0"),
        ({"prompt_ids": 1, "chosen_ids": [1], "rejected_ids": [2]}, "list of token ids"),
    ],
)
def test_bad_rows_are_named(row, said, tokenizer):
    with pytest.raises(ArgumentError, match=said):
        pairs([row], tokenizer)


def test_messages_that_a_chat_template_does_not_take_are_named(tokenizer):
    strict = copy.deepcopy(tokenizer)
    row = {k: [{"role": "user", "content": k}] for k in ("chosen", "rejected")}
    for template in ("{{ raise_exception('roles must alternate') }}", "{{ messages[0]['content'] + 1 }}"):
        strict.chat_template = template
        with pytest.raises(ArgumentError, match=r"row 1: `messages` .*chat template"):
            pairs([row], strict)
        skipped = []
        with pytest.raises(ArgumentError, match="at least one row"):
            pairs([row], strict, skipped=skipped)
        assert "row 1" in skipped[0]


def test_bad_files(tmp_path, rows, tokenizer):
    cut = write(tmp_path / "cut.jsonl", rows)
    cut.write_text(cut.read_text()[:-30])
    for path, said in (
        (tmp_path / "none.jsonl", "not there"), (cut, "line 23"), (tmp_path / "data.csv", "ends in"),
        (tmp_path / "broken.parquet", "not a readable Parquet"), (tmp_path / "empty.jsonl", "no row"),
    ):
        if said not in ("not there", "line 23"):
            path.write_text("")
        with pytest.raises(FileError, match=said):
            read_rows(path)
    with pytest.raises(ArgumentError, match="again in row 2"):
        pairs([rows[0], rows[0]], tokenizer)


def test_bad_rows_are_refused_or_skipped_and_named(tmp_path, models, rows, capsys):
    """Cut off, doubled, empty, not UTF-8, of another type: each is named; what is left is scored."""
    lines = [json.dumps(r).encode() for r in rows[:6]]
    strange = json.dumps({**rows[7], "chosen": "good\u2028bad"}, ensure_ascii=False).encode()
    bad = [lines[2][:-20], lines[1], b"[1]", b'{"id": "\xff"}', json.dumps({**rows[6], "chosen": 3}).encode(), b"{}"]
    data, out = tmp_path / "data.jsonl", tmp_path / "s.parquet"
    for k, line in enumerate(bad):
        data.write_bytes(b"\n".join([*lines, line]))
        assert run(data, models, out) == 2, k
        assert "7" in capsys.readouterr().err
        assert not out.exists()
    data.write_bytes(b"\n".join([*lines, b"", *bad, strange]))
    assert run(data, models, out, "--skip-bad-rows") == 0
    said = capsys.readouterr()
    assert said.err.count("skipped:") == len(bad)
    assert "14 responses of 7 pairs" in said.out
    scores = read_scores(out)
    assert len(scores.about["skipped"]) == len(bad)
    assert list(scores.of("chosen", "id")) == [r["id"] for r in (*rows[:6], rows[7])]


def test_batches_keep_the_budget_and_lose_nothing():
    rng = np.random.default_rng(0)
    items = [Item((1,) * int(rng.integers(1, 30)), (2,) * int(rng.integers(1, 30))) for _ in range(200)]
    made = batches(items, 256)
    assert sorted(i for b in made for i in b) == list(range(200))
    assert all(len(b) * max(items[i].tokens for i in b) <= 256 for b in made)
    assert len(batches(items, 1)) == 200


def run(data, models, out, *more):
    return main(
        ["score", "--policy", str(models / "policy"), "--reference", str(models / "reference"), "--data", str(data),
         "--out", str(out), *more]
    )


def test_the_table_holds_what_the_models_say(data, models, rows, tmp_path, capsys):
    out = tmp_path / "scores.parquet"
    assert run(data, models, out, "--rejected-policy", str(models / "source"), "--token-budget", "40") == 0
    assert "46 responses of 23 pairs" in capsys.readouterr().out
    scores = read_scores(out)
    data_pairs = pairs(rows, load_tokenizer(str(models / "policy")))
    assert list(scores.columns["id"]) == [p.id for p in data_pairs for _ in range(2)]
    items = [item for p in data_pairs for _, item in p.items()]
    for column, folder in (("policy", "policy"), ("reference", "reference"), ("rejected_policy", "source")):
        backend = load_backend(str(models / folder))
        for item, row in zip(items, scores.per_token[column], strict=True):
            slack = backend.rounding + 2.0**-24 * np.abs(row)  # the table keeps float32
            assert (np.abs(row - backend.plain(item)) <= slack).all()
    assert scores.about["models"]["policy"]["class"] == "GPT2LMHeadModel"
    assert all(f["passed"] for found in scores.about["audit"].values() for f in found)
    assert not (tmp_path / "scores.parquet.parts").exists()


class Interrupted(Exception):
    pass


def test_a_killed_run_resumes_to_the_same_bytes(models, rows, tokenizer, tmp_path):
    data = pairs(rows, tokenizer)
    backends = {c: load_backend(str(models / c)) for c in ("policy", "reference")}
    plan = Plan(pairs_per_part=4, token_budget=64)
    whole = score(data, backends, tmp_path / "whole.parquet", plan=plan)

    calls = []

    def stop(done, total):
        calls.append(done)
        if len(calls) == 6:
            raise Interrupted

    out = tmp_path / "resumed.parquet"
    with pytest.raises(Interrupted):
        score(data, backends, out, plan=plan, progress=stop)
    assert not out.exists()
    left = sorted(p.name for p in (tmp_path / "resumed.parquet.parts").glob("part-*"))
    assert 0 < len(left) < 6
    with pytest.raises(FileError, match="unfinished work"):
        score(data[:-1], backends, out, plan=plan)
    scored, inner = [], backends["policy"].token_log_probs
    backends["policy"].token_log_probs = lambda items: scored.extend(items) or inner(items)
    score(data, backends, out, plan=plan)
    assert out.read_bytes() == whole.read_bytes()
    missing = [p for k in range(6) if f"part-{k:06d}.parquet" not in left for p in data[4 * k : 4 * k + 4]]
    last = [frozenset((p.chosen, p.rejected)) for p in missing]
    assert all(frozenset((p.chosen, p.rejected)) in last for p in data if p.chosen in scored[-2 * len(missing) :])
    assert len(missing) < len(data)


def test_parts_of_another_run_or_cut_off_are_not_mixed_in(rows, tokenizer, tmp_path, monkeypatch):
    """A run with other batches begins on the same folder before the first part is there, and leaves its own parts."""
    monkeypatch.setattr("didlab.bridge.score.alone", lambda *_: nullcontext())  # as where files cannot be locked
    data, out, begun = pairs(rows, tokenizer), tmp_path / "s.parquet", []
    models = {"policy": CallableBackend(lambda x, y: [-5.0] * len(y), name="m")}

    def overtaken(done, total):
        if not begun:
            begun.append(done)
            with pytest.raises(FileError, match="process 1 of 2"):
                score(data, models, out, plan=Plan(2, 64), world=2, patience=0.01)

    with pytest.raises(FileError, match=r"part-000002.parquet is of another run.*one after the other"):
        score(data, models, out, plan=Plan(4, 64), progress=overtaken)
    assert begun and not out.exists()
    other = tmp_path / "t.parquet"
    with pytest.raises(FileError, match="process 1 of 2"):
        score(data, models, other, plan=Plan(4, 64), world=2, patience=0.01)
    part = tmp_path / "t.parquet.parts" / "part-000002.parquet"
    content = part.read_bytes()
    part.write_bytes(content[:-50])
    with pytest.raises(FileError, match=r"part-000002.parquet cannot be read.*remove it"):
        score(data, models, other, plan=Plan(4, 64))
    part.unlink()
    score(data, models, other, plan=Plan(4, 64))
    assert len(read_scores(other)) == 2 * len(data)


def test_a_model_with_another_tokenizer_is_refused_unless_insisted_on(data, models, tmp_path, capsys):
    """Its numbers would be those of another text."""
    import shutil

    strange = tmp_path / "strange"
    shutil.copytree(models / "reference", strange)
    told = json.loads((strange / "tokenizer.json").read_text())
    words = told["model"]["vocab"]
    words["film"], words["was"] = words["was"], words["film"]
    (strange / "tokenizer.json").write_text(json.dumps(told))
    out = ["--data", str(data), "--out", str(tmp_path / "s.parquet")]
    command = ["score", "--policy", str(models / "policy"), "--reference", str(strange), *out]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "would score another text" in said and "'film'" in said and "'was'" in said
    assert not (tmp_path / "s.parquet").exists()
    assert main([*command, "--insist", str(strange)]) == 0


def test_two_processes_share_the_work(data, models, tmp_path):
    out, alone = tmp_path / "shared.parquet", tmp_path / "alone.parquet"
    assert run(data, models, alone) == 0
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "didlab", "score",
        "--policy", str(models / "policy"), "--reference", str(models / "reference"), "--data", str(data), "--out",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert out.read_bytes() == alone.read_bytes()


def test_pairs_that_a_model_cannot_score_are_refused_before_anything_is_scored_or_left_out(models, tmp_path, capsys):
    """The models read 64 tokens and know 64 ids; a pair that does not fit is named, wherever it stands in the data."""
    ids = {"chosen_ids": [5, 6], "rejected_ids": [7]}
    fine = [{"id": f"f{k}", "prompt_ids": [3, 4, k % 64], **ids} for k in range(200)]
    bad = [
        ({"prompt_ids": [3] * 60, "chosen_ids": [5], "rejected_ids": [7] * 5}, "reads at most 64 tokens"),
        ({"prompt_ids": [3], "chosen_ids": [64], "rejected_ids": [7]}, "ids below 64; 64 is of a tokenizer of another"),
        ({"prompt_ids": [], "chosen_ids": [5], "rejected_ids": [7]}, "beginning-of-text"),
    ]
    out = tmp_path / "s.parquet"
    for row, said in bad:
        data = write(tmp_path / "data.jsonl", [*fine, {"id": "odd", **row}])
        assert run(data, models, out) == 2
        shown = capsys.readouterr().err
        assert "'odd'" in shown and said in shown and "--skip-bad-rows" in shown
        assert not out.exists() and not (tmp_path / "s.parquet.parts").exists()
    data = write(tmp_path / "data.jsonl", [*({"id": f"odd{k}", **row} for k, (row, _) in enumerate(bad)), *fine[:9]])
    assert run(data, models, out, "--skip-bad-rows") == 0
    shown = capsys.readouterr()
    assert shown.err.count("skipped:") == 3 and "18 responses of 9 pairs" in shown.out
    data = write(tmp_path / "data.jsonl", [{"id": "odd", **bad[0][0]}])
    assert run(data, models, out, "--skip-bad-rows") == 2
    assert "no pair that every model can score" in capsys.readouterr().err
    data = write(tmp_path / "data.jsonl", fine)
    assert run(data, models, out, "--samples", "1", "--sample-length", "62") == 2
    shown = capsys.readouterr().err
    assert "cannot draw 62 tokens after a prompt of 3" in shown and "--sample-length" in shown


@pytest.mark.parametrize(
    ("ranks", "said"),
    [({"RANK": "2", "WORLD_SIZE": "2"}, "`rank`"), ({"RANK": "x"}, "`RANK`"), ({"WORLD_SIZE": "-1"}, "`WORLD_SIZE`"),
     ({"WORLD_SIZE": "0"}, "`world`")],
)
def test_ranks_that_cannot_be(data, models, tmp_path, monkeypatch, capsys, ranks, said):
    for name, value in ranks.items():
        monkeypatch.setenv(name, value)
    assert run(data, models, tmp_path / "s.parquet") == 2
    assert said in capsys.readouterr().err
    monkeypatch.undo()
    assert run(data, models, tmp_path / "s.parquet", "--patience", "0") == 2
    assert "patience" in capsys.readouterr().err


def test_a_failing_backend_is_refused_unless_insisted_on(rows, tokenizer, tmp_path):
    data = pairs(rows, tokenizer)
    bad = CallableBackend(lambda x, y: [-3.0 - k for k in range(len(y))], name="bad")
    out = tmp_path / "scores.parquet"
    with pytest.raises(AuditError, match="bad failed the self-audit"):
        score(data, {"policy": bad}, out)
    assert not list(tmp_path.iterdir())
    score(data, {"policy": bad}, out, insist=["bad"])
    assert not all(f["passed"] for f in read_scores(out).about["audit"]["policy"])


def test_a_mistake_that_only_long_responses_show_is_found_wherever_they_stand(tmp_path):
    """Data sorted by length: what is wrong with the last pairs alone is wrong with the data."""
    data = [Pair(str(k), Item((1, 2), (3,) * (2 + k)), Item((1, 2), (4,) * (2 + k))) for k in range(120)]
    wrong = CallableBackend(lambda x, y: [-5.0 - (i > 100) for i in range(len(y))], name="wrong")
    with pytest.raises(AuditError, match="chain rule"):
        score(data, {"policy": wrong}, tmp_path / "s.parquet")
    with pytest.raises(AuditError, match="chain rule"):
        score(data[::-1], {"policy": wrong}, tmp_path / "s.parquet")


def test_what_cannot_be_scored(rows, tokenizer, tmp_path, data, models, capsys):
    items = pairs(rows, tokenizer)
    fine = CallableBackend(lambda x, y: [-5.0] * len(y), name="fine")
    with pytest.raises(BackendError, match="models are named"):
        score(items, {"teacher": fine}, tmp_path / "x.parquet")
    endless = CallableBackend(lambda x, y: [-np.inf] * len(y), name="endless")
    with pytest.raises(BackendError):
        score(items, {"policy": endless}, tmp_path / "x.parquet", insist=["endless"])
    for arguments, said in (
        (["--policy", str(tmp_path / "nowhere")], "is not a folder"),
        (["--policy", "no.such.module:f", "--tokenizer", str(models / "policy")], "is not there"),
        (["--policy", str(models / "policy"), "--dtype", "int8"], "dtype"),
        (["--policy", str(models / "policy"), "--reference", "adapter-off"], "no adapter"),
    ):
        tokenizer_from = [] if "--tokenizer" in arguments else ["--tokenizer", str(models / "policy")]
        more = ["--data", str(data), "--out", str(tmp_path / "y.parquet")]
        assert main(["score", *arguments, *tokenizer_from, *more]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "y.parquet").exists()


def test_damaged_tables_are_refused(tmp_path, rows, tokenizer):
    path = score(
        pairs(rows, tokenizer), {"policy": CallableBackend(lambda x, y: [-5.0] * len(y))}, tmp_path / "s.parquet"
    )
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(FileError, match="not a readable Parquet"):
        read_scores(cut)
    import pyarrow.parquet as parquet

    table = parquet.read_table(path)
    wrong = table.set_column(table.column_names.index("policy_sum"), "policy_sum", [[-1.0] * len(table)])
    parquet.write_table(wrong.replace_schema_metadata(table.schema.metadata), cut)
    with pytest.raises(FileError, match="do not add up"):
        read_scores(cut)
    parquet.write_table(table.replace_schema_metadata({}), cut)
    with pytest.raises(FileError, match="no score table"):
        read_scores(cut)
