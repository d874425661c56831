"""The command line from end to end: what it prints, writes and returns."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from didlab import claims, experiments
from didlab.cli import main
from didlab.engine.run import load_file, run
from didlab.errors import ArgumentError, ClaimError, FileError
from didlab.report.document import schema

MINE = str(Path(__file__).parent / "report" / "mine.py")
QUICK = ["--effort", "quick", "--jobs", "1"]

SLOW = '''
import time
from didlab.engine.claim import claim
from didlab.engine.kinds import Policies
from didlab.engine.relations import at_least

def declare(name):
    @claim(f"mine.{name}", where="", title=name, statement="0 \\\\ge 0", draws=(Policies("p"),))
    def check(p):
        time.sleep(0.2)
        return at_least(0 * p, 0)
    return check

a, b, c = declare("a"), declare("b"), declare("c")
print("loaded", flush=True)
'''


def judged(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """The verdict file of a run."""
    path = folder / "v.json"
    assert main(["verify", *arguments, *QUICK, "--json", str(path)]) == code
    made = json.loads(path.read_text())
    validate(made, schema())
    return made


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> tuple[str, str]:
    """What a command prints, given the code it must return."""
    try:
        returned = main(arguments)
    except SystemExit as e:
        returned = e.code
    out = capsys.readouterr()
    assert returned == code, out
    return out.out, out.err


class TestVerify:
    def test_users_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        made = judged(tmp_path, "--claims", MINE)
        assert {c["id"]: c["verdict"] for c in made["claims"]} == {
            "mine.gibbs": "holds", "mine.symmetric": "refuted", "mine.strict": "conditional", "mine.did": "holds"}
        assert all(c["recorded"] is None for c in made["claims"])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[:4]] == [c["id"] for c in made["claims"]]
        assert re.search(r"✗ refuted +exact → exact +[\d,]+ +A divergence is symmetric", lines[1])

    def test_globs_papers_and_entries_without_a_check(self, tmp_path: Path) -> None:
        waiting = claims.catalogue("did")[0]["id"]
        made = judged(tmp_path, "did.thm-3.[34]*", waiting, "--paper", "did")
        ids = [c["id"] for c in made["claims"]]
        assert {"did.thm-3.3", "did.thm-3.4.uniqueness", waiting} <= set(ids)
        assert all(i == waiting or i.startswith(("did.thm-3.3", "did.thm-3.4")) for i in ids)
        assert made["summary"]["did"]["refuted"] == 1

    def test_a_changed_verdict_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(claims, "recorded", lambda: {"did.thm-3.3": "refuted"})
        made = judged(tmp_path, "did.thm-3.3", code=1)
        assert made["claims"][0]["recorded"] == "refuted"
        out = capsys.readouterr().out
        assert "[recorded: refuted]" in out and "the recorded verdict is 'refuted'" in out
        monkeypatch.setattr(claims, "recorded", lambda: {"did.thm-3.3": "holds"})
        judged(tmp_path, "did.thm-3.3")

    def test_a_recorded_check_that_is_gone_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        waiting = claims.catalogue()[0]["id"]
        monkeypatch.setattr(claims, "recorded", lambda: {waiting: "holds"})
        assert judged(tmp_path, waiting, code=1)["claims"][0]["recorded"] == "holds"

    def test_a_claim_that_cannot_be_judged_fails(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "bad.py"
        file.write_text(
            "from didlab.engine.claim import claim\nfrom didlab.engine.kinds import Policies\n"
            "@claim('mine.broken', where='', title='t', statement='s', draws=(Policies('p'),))\n"
            "def broken(p):\n    raise RuntimeError('no idea')\n")
        made = judged(tmp_path, "--claims", str(file), code=1)
        assert made["claims"][0]["verdict"] == "error" and "no idea" in made["claims"][0]["why"]
        assert "mine.broken: error; RuntimeError: no idea (bad.py:5)" in capsys.readouterr().out

    @pytest.mark.parametrize(("body", "message"), [
        ("return at_least(0, np.log(probabilities(p)))", "calls np.log on exact numbers"),
        ("return at_least(entropy(p), 0.5)", "a float has no exact value"),
        ("return at_least(entropy(p), 0.5 * probabilities(p).min(-1))", "a float has no exact value"),
        ("return bool((entropy(p) >= 0).all())", "returned something of type bool, not a relation"),
        ("at_least(entropy(p), 0)", "returned nothing, not a relation"),
        ("return at_least(share * entropy(p), entropy(mix(p, p, share)))", "mixes the instances of a batch"),
        ("return at_least(entropy(p) + 1, probabilities(p).max())", "mixes the instances of a batch"),
        ("return at_least(entropy(p), probabilities(p))", "mixes the instances of a batch"),
        ("return at_least(np.random.random(), entropy(p))", "mixes the instances of a batch"),
        ("return at_least(p.nothing, 0)", "object has no attribute 'nothing' (it.py:9)"),
    ])
    def test_a_check_that_is_not_well_formed_is_told_what_to_do(self, body: str, message: str, tmp_path: Path) -> None:
        file = tmp_path / "it.py"
        file.write_text(
            "import numpy as np\n\nfrom didlab import entropy, mix, probabilities\nfrom didlab.testing import *\n\n"
            "@claim('mine.it', where='', title='t', statement='s',\n"
            "       draws=(Policies('p'), Numbers('share', below_one=True)))\n"
            f"def it(p, share):\n    {body}\n")
        made = judged(tmp_path, "--claims", str(file), code=1)
        assert made["claims"][0]["verdict"] == "error" and message in made["claims"][0]["why"]

    def test_a_check_that_asks_for_what_is_not_drawn(self, tmp_path: Path) -> None:
        file = tmp_path / "names.py"
        file.write_text(
            "from didlab.testing import *\n"
            "@claim('mine.names', where='', title='t', statement='s', draws=(Policies('p', 'q'),))\n"
            "def names(p, r):\n    return at_least(p, r)\n")
        why = judged(tmp_path, "--claims", str(file), code=1)["claims"][0]["why"]
        assert why == "the check asks for r; what is drawn is called p, q"

    def test_logarithms_in_a_check(self, tmp_path: Path) -> None:
        file = tmp_path / "logs.py"
        file.write_text(
            "from didlab import probabilities\nfrom didlab.testing import *\n"
            "@claim('mine.logs', where='', title='t', statement='s', draws=(Policies('p'),))\n"
            "def logs(p):\n    return at_least(0, carrier_of(p).log(probabilities(p)))\n")
        assert judged(tmp_path, "--claims", str(file))["claims"][0]["verdict"] == "holds"

    def test_a_check_without_neighbours_is_said_to_have_shown_no_power(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "alone.py"
        file.write_text(
            "from didlab.testing import *\n@claim('mine.alone', where='', title='t', statement='s', "
            "draws=(Policies('p'),))\ndef alone(p):\n    return at_least(1, 0)\n")
        out, _ = said(capsys, 0, "show", "mine.alone", "--claims", str(file), "--effort", "quick")
        assert out.splitlines()[-1].startswith("False neighbours: none is given")

    def test_the_number_of_processes_changes_nothing(self, tmp_path: Path) -> None:
        out = []
        for jobs in ("1", "2"):
            path = tmp_path / f"{jobs}.json"
            options = ["--claims", MINE, "--effort", "quick", "--seed", "7", "--jobs", jobs, "--json", str(path)]
            assert main(["verify", *options]) == 0
            out.append(path.read_bytes())
        assert out[0] == out[1]

    def test_record(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(claims, "record_path", lambda: tmp_path / "recorded.json")
        monkeypatch.setattr(claims, "store_path", lambda id: tmp_path / "certificates" / f"{id}.json")
        before = {"did.thm-3.4.uniqueness": "holds", "did.thm-3.2": "holds", "did.gone": "holds"}
        (tmp_path / "recorded.json").write_text(json.dumps(before))
        chosen = ["did.thm-3.3", "did.thm-3.4.uniqueness"]
        said(capsys, 1, "verify", *chosen, *QUICK)
        said(capsys, 0, "verify", *chosen, *QUICK, "--record")
        said(capsys, 0, "verify", *chosen, *QUICK)
        assert json.loads((tmp_path / "recorded.json").read_text()) == {
            "did.thm-3.2": "holds", "did.thm-3.3": "holds", "did.thm-3.4.uniqueness": "refuted"}
        kept = list((tmp_path / "certificates").iterdir())
        assert [p.name for p in kept] == ["did.thm-3.4.uniqueness.json"]
        validate(json.loads(kept[0].read_text()), schema("certificate"))
        out, _ = said(capsys, 0, "replay", "did.thm-3.4.uniqueness")
        assert "the counterexample stands" in out
        kept[0].write_text("{")
        _, err = said(capsys, 2, "verify", *chosen, *QUICK)
        assert "did.thm-3.4.uniqueness is not valid JSON" in err


class TestBadInput:
    @pytest.mark.parametrize(("arguments", "message"), [
        (["verify", "did.thm3.3"], "unknown id 'did.thm3.3'; did you mean did.thm-3.3"),
        (["verify", "nothing.*"], "no statement matches 'nothing.*'"),
        (["verify", "--paper", "dpo"], "unknown paper 'dpo'; there are did"),
        (["verify", "did.thm-3.3", "--paper", "mi"], "none of the chosen statements belongs to paper 'mi'"),
        (["verify", "--seed", "-1"], "seed must be an integer of at least 0; got '-1'"),
        (["verify", "--jobs", "none"], "jobs must be an integer of at least 1; got 'none'"),
        (["verify", "--effort", "some"], "invalid choice: 'some'"),
        (["verify", "--claims", "missing.py"], "cannot read missing.py: no such file"),
        (["verify", "--record", "--claims", MINE], "cannot be combined with --claims"),
        (["verify", "--json", "."], "--json . is a folder; give a file"),
        (["verify", "--html", MINE], "is a file; give a folder"),
        (["verify", "--json", MINE + "/x.json"], "is not a folder one may write to"),
        (["verify", "--html", "/proc/page"], "/proc is not a folder one may write to"),
        (["diagnose", MINE, "--json", "."], "--json . is a folder; give a file"),
        (["diagnose", MINE, "--html", MINE], "is a file; give a folder"),
        (["diagnose", MINE, "--gradients", "-1"], "gradients must be an integer of at least 0; got '-1'"),
        (["diagnose", MINE, "--policy", "m"], "--policy and --data serve for gradients only: say of how many pairs"),
        (["figure", "fig-4", "--out", "/proc/figures"], "/proc is not a folder one may write to"),
        (["explore", "--port", "65536"], "port must be an integer from 0 to 65535; got '65536'"),
        (["show", "did.nothing"], "unknown id 'did.nothing'"),
        (["show", "*"], "'*' is a pattern; give one of the ids that `didlab list '*'` lists"),
        (["show", ""], "unknown id '': `didlab list`"),
        (["show", "xyzzy"], "`didlab list` lists all of them"),
        (["list", "nothing.*"], "no statement matches 'nothing.*'"),
        (["show", "mine.gibs", "--claims", MINE], "did you mean mine.gibbs"),
        (["replay", "missing.json"], "cannot read missing.json: No such file"),
        (["replay", MINE], "not valid JSON"),
        (["replay", "mine.gibbs", "--claims", MINE], "no certificate of mine.gibbs is stored"),
        (["figure", "fig-99"], "must be one of fig-1-left"),
        (["figure"], "one of the arguments NAME --all is required"),
        (["figure", "fig-1-left", "--out", MINE], "is a file; give a folder"),
        ([], "required"),
        (["verfy"], "invalid choice"),
    ])
    def test_says_what_to_do(self, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
        _, err = said(capsys, 2, *arguments)
        assert message in err and "Traceback" not in err

    @pytest.mark.parametrize(("text", "message"), [
        ("x = 1", "declares no claim"),
        ("def f(:", "bad.py:1: "),
        ("import math\n\nmath.nothing", "bad.py:3: AttributeError"),
        ("import no_such_module", "bad.py:1: ModuleNotFoundError"),
        ("import sys\n\nsys.exit(0)", "bad.py:3: SystemExit"),
        ("from didlab.testing import *\n\n@claim('a.b', where='', title='', statement='', draws=(Policies('p'),),\n"
         "       neighbours={'near': {'strict': True}})\ndef f(p): ...",
         "bad.py:3: a.b: the neighbour 'near' changes strict, which the check does not take"),
    ])
    def test_files_of_claims(self, text: str, message: str, tmp_path: Path) -> None:
        file = tmp_path / "bad.py"
        file.write_text(text)
        with pytest.raises(ClaimError, match=re.escape(message)):
            load_file(file)

    def test_two_claims_of_one_name(self, tmp_path: Path) -> None:
        file = tmp_path / "twice.py"
        one = Path(MINE).read_text()
        file.write_text(one + one[one.index("@claim") : one.index("@symmetric")].replace("def gibbs", "def again"))
        with pytest.raises(ClaimError, match=r"twice.py:\d+: mine.\w+ is declared twice \(first at line \d+\)"):
            load_file(file)

    def test_not_a_python_file(self, tmp_path: Path) -> None:
        (tmp_path / "claims.txt").write_text("")
        with pytest.raises(ClaimError, match=r"ends in \.py"):
            load_file(tmp_path / "claims.txt")
        with pytest.raises(FileError, match="not a file"):
            load_file(tmp_path)

    @pytest.mark.parametrize("wrong", [{"seed": -1}, {"effort": "much"}, {"jobs": 0}, {"seed": 1.5}])
    def test_run(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            run([], source=list, **wrong)


class TestList:
    def test_lists_what_is_recorded_and_judges_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "list")
        lines = out.splitlines()
        assert [line.split()[0] for line in lines] == [*(c.id for c in claims.load()),
                                                       *(e["id"] for e in claims.catalogue())]
        recorded = claims.recorded()
        assert all(line.split()[2] == recorded.get(line.split()[0], line.split()[2]) for line in lines)

    def test_some_of_them(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "list", "*.thm-3.*", "--paper", "did")
        assert {line.partition("thm")[0] for line in out.splitlines()} == {"did."}
        out, _ = said(capsys, 0, "list", "--claims", MINE)
        assert out.splitlines()[1] == "mine.symmetric  A divergence is symmetric"


class TestShowAndReplay:
    def test_show(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "show", "mine.symmetric", "--claims", MINE, "--effort", "quick")
        for part in ("D_KL[p‖q] = D_KL[q‖p]", "Read as: for every p and q", "✗ refuted", "Counterexample",
                     "What is true instead", "Evidence for the corrected statement: exact", "Minimality"):
            assert part in out
        assert "\\" not in out

    def test_show_an_assumption(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "show", "mine.strict", "--claims", MINE, "--effort", "quick")
        assert "What has to be assumed\n  the two policies differ" in out and "of ordinary instances" in out

    def test_no_size_is_said_to_be_exhausted_that_has_no_instance(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "show", "gip.eq-7.finite", "--effort", "quick")
        assert "✗ refuted" in out and "all 0 instances" not in out

    def test_show_names_the_sub_entries(self, capsys: pytest.CaptureFixture[str]) -> None:
        out, _ = said(capsys, 0, "show", "did.thm-3.2", "--effort", "quick")
        assert "see the sub-entry" in out and out.endswith("\n\nSub-entries: did.thm-3.2.infinite\n")

    def test_show_an_entry_without_a_check(self, capsys: pytest.CaptureFixture[str]) -> None:
        entry = claims.catalogue()[0]
        out, _ = said(capsys, 0, "show", entry["id"])
        assert entry["verdict"] in out

    def test_replay(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        made = judged(tmp_path, "--claims", MINE)
        certificate = made["claims"][1]["certificate"]
        file = tmp_path / "c.json"
        file.write_text(json.dumps(certificate))
        capsys.readouterr()
        out, _ = said(capsys, 0, "replay", str(file), "--claims", MINE)
        assert "from the integers of the certificate alone" in out and "the counterexample stands" in out
        out, _ = said(capsys, 0, "replay", str(tmp_path / "v.json"), "--claims", MINE)
        assert "2 of 2 certificates re-checked from scratch" in out
        certificate["instance"] = {"p": [1, 1], "q": [1, 1]}
        file.write_text(json.dumps(certificate))
        out, _ = said(capsys, 1, "replay", str(file), "--claims", MINE)
        assert "does not violate mine.symmetric" in out
        file.write_text('{"schema": "other"}')
        _, err = said(capsys, 2, "replay", str(file), "--claims", MINE)
        assert "neither a certificate" in err
        certificate["claim"] = "mine.other"
        file.write_text(json.dumps(certificate))
        _, err = said(capsys, 2, "replay", str(file), "--claims", MINE)
        assert "unknown id 'mine.other'" in err


class TestFigure:
    def test_writes_what_it_is_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
        made: list[str] = []
        monkeypatch.setattr(experiments, "make", lambda name, out, _: made.append(name) or out / f"{name}.png")
        out, _ = said(capsys, 0, "figure", "--all", "--out", str(tmp_path))
        assert tuple(made) == experiments.figures() and len(out.splitlines()) == len(made)
        out, _ = said(capsys, 0, "figure", "fig-4", "--out", str(tmp_path))
        assert out == f"{tmp_path / 'fig-4.png'}\n"


def default_interrupt() -> None:
    """In a child before it starts: a shell may have started these tests with the interrupt ignored (`nohup ... &`)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def didlab(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run([sys.executable, "-W", "error", "-m", "didlab", *arguments], capture_output=True, text=True,
                          timeout=120, check=False, **options)


class TestProcesses:
    def test_piped_output_is_plain(self, tmp_path: Path) -> None:
        done = didlab("verify", "mine.gibbs", "--claims", MINE, *QUICK, "--html", "page", cwd=tmp_path)
        assert done.returncode == 0 and done.stderr == ""
        assert "\x1b" not in done.stdout and "wrote page/index.html" in done.stdout
        assert os.listdir(tmp_path) == ["page"] and os.listdir(tmp_path / "page") == ["index.html"]

    def test_output_into_a_pipe(self) -> None:
        command = f"{sys.executable} -m didlab verify mine.gibbs --claims {MINE} --effort quick --json >(wc -c >&2)"
        done = subprocess.run(
            ["bash", "-c", f"{command} | cat"], capture_output=True, text=True, timeout=60, check=True)
        assert re.search(r"wrote /dev/fd/\d+\n$", done.stdout) and int(done.stderr) > 1000

    def test_another_encoding(self) -> None:
        ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
        done = didlab("show", "mine.symmetric", "--claims", MINE, "--effort", "quick", env=ascii_only)
        assert done.returncode == 0 and "refuted" in done.stdout

    def test_a_reader_that_goes_away(self) -> None:
        command = [sys.executable, "-m", "didlab", "verify", "--claims", MINE, *QUICK]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        process.stderr.close()
        assert process.wait(60) == 1

    @pytest.mark.parametrize(("where", "code", "message"), [
        ("> /dev/full", 2, "didlab: cannot write the output: No space left on device\n"),
        (">&-", 0, ""),
        ("| true", 1, ""),
    ])
    def test_output_that_goes_nowhere(self, where: str, code: int, message: str) -> None:
        command = f"set -o pipefail; {sys.executable} -W error -m didlab list {where}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr, done.stdout) == (code, message, "")

    def test_version(self) -> None:
        done = didlab("--version")
        assert re.fullmatch(r"didlab \d+\.\d+\.\d+\n", done.stdout)

    @pytest.mark.parametrize(("jobs", "after"), [("1", "0.5"), ("2", "0.3"), ("2", "2.5")])
    def test_interrupted_leaves_nothing(self, jobs: str, after: str, tmp_path: Path) -> None:
        (tmp_path / "slow.py").write_text(SLOW)
        command = [sys.executable, "-B", "-m", "didlab", "verify", "--claims", "slow.py", "--jobs", jobs,
                   "--json", "v.json", "--html", "page"]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, preexec_fn=default_interrupt)
        assert process.stdout is not None and process.stdout.readline() == "loaded\n"
        time.sleep(float(after))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err == "didlab: interrupted; nothing was written\n"
        assert os.listdir(tmp_path) == ["slow.py"]

    def test_replay_needs_little(self, tmp_path: Path) -> None:
        """No torch, no search, no drawing; the time itself is measured in benchmarks."""
        made = judged(tmp_path, "mine.symmetric", "--claims", MINE)
        (tmp_path / "c.json").write_text(json.dumps(made["claims"][0]["certificate"]))
        arguments = ["replay", str(tmp_path / "c.json"), "--claims", MINE]
        code = (f"import sys; from didlab.cli import main; assert main({arguments!r}) == 0;"
                "print(*{'torch', 'matplotlib', 'rich', 'hypothesis', 'latex2mathml'} & set(sys.modules))")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.splitlines()[-1] == ""
