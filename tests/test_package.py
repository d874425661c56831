"""The package from outside: what importing it costs, its wheel in an empty environment, its layers, its metadata."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import didlab

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "matplotlib", "numba", "scipy", "flint", "numpy")


def fresh(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_import_loads_nothing_heavy() -> None:
    assert fresh(f"import sys, didlab; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


@pytest.mark.parametrize("name", [n for n in didlab.__all__ if not n.startswith("__")])
def test_public_names_are_where_they_are_said_to_be(name: str) -> None:
    module = importlib.import_module(getattr(didlab, name).__module__)
    assert name in module.__all__
    assert getattr(didlab, name) is getattr(module, name)


def test_parts_are_there_without_an_import_of_their_own() -> None:
    assert fresh("import didlab; print(didlab.objectives.names()[0], 'dynamics' in dir(didlab))") == "dpo True"
    assert fresh("import didlab; print(hasattr(didlab, 'nothing'))") == "False"


def test_core_needs_no_torch() -> None:
    code = (
        "import sys, didlab; didlab.entropy([0., 1.]); didlab.did_distribution([0., 1.], [1., 0.]); "
        "print([m for m in ('torch', 'matplotlib', 'numba') if m in sys.modules])"
    )
    assert fresh(code) == "[]"


def test_replay_needs_no_torch() -> None:
    code = (
        "import sys, didlab.cli, didlab.claims, didlab.engine.certificate; didlab.claims.load(); "
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    assert fresh(code) == "[]"


def test_layers() -> None:
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_every_dependency_has_a_tested_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    extras = [d for extra in project["optional-dependencies"].values() for d in extra]
    wanted = [*project["dependencies"], *(d for d in extras if not d.startswith("didlab["))]
    assert [d for d in wanted if d.partition(">=")[0].strip().lower() not in pinned] == []


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert project["version"] == didlab.__version__
    assert f"version: {didlab.__version__}" in citation
    assert f"## {didlab.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_wheel_in_an_empty_environment(tmp_path: Path) -> None:
    """Built from the tracked files, installed outside the repository where nothing else is: it verifies and replays."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "VIRTUAL_ENV"}

    def run(*command: str | Path) -> str:
        done = subprocess.run([str(c) for c in command], cwd=tmp_path, env=inherited, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    source = tmp_path / "source"
    tracked = (
        subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    )
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "empty")
    programs = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin")
    run(
        programs / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-c",
        ROOT / "constraints.txt",
        wheel,
    )
    where = run(programs / "python", "-c", "import didlab; print(didlab.__file__)").strip()
    assert Path(where).is_relative_to(tmp_path / "empty")

    out = tmp_path / "verdicts.json"
    run(
        programs / "didlab",
        "verify",
        "did.thm-3.2",
        "did.thm-3.4.uniqueness",
        "--effort",
        "quick",
        "--jobs",
        "1",
        "--json",
        out,
        "--html",
        tmp_path / "page",
    )
    verdicts = {c["id"]: c for c in json.loads(out.read_text(encoding="utf-8"))["claims"]}
    assert verdicts["did.thm-3.2"]["verdict"] == "holds"
    assert verdicts["did.thm-3.4.uniqueness"]["verdict"] == "refuted"
    assert "<html" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    certificate = tmp_path / "certificate.json"
    certificate.write_text(json.dumps(verdicts["did.thm-3.4.uniqueness"]["certificate"]), encoding="utf-8")
    assert "stands" in run(programs / "didlab", "replay", certificate)
