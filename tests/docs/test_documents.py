"""The documents do what they say: their blocks are run, their links lead somewhere, the reference is up to date."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


api, blocks, pictures, readme_table = (script(n) for n in ("api", "blocks", "pictures", "readme_table"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_blocks_do_what_they_show(document: Path, tmp_path: Path) -> None:
    assert not "\n".join(blocks.differences(document.read_text(encoding="utf-8"), tmp_path))


@pytest.mark.parametrize("document", [*DOCUMENTS, *sorted(ROOT.glob("docs/api/*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [t for t in targets if not (document.parent / t).exists()] == []


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        t
        for d in DOCUMENTS
        for t in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", d.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {a or b for a, b in named} <= targets


def test_reference_is_up_to_date() -> None:
    wanted = api.pages()
    there = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "api").glob("*.md")}
    stale = sorted(n for n in wanted.keys() | there.keys() if wanted.get(n) != there.get(n))
    assert not stale, "run `make docs` and commit docs/api"


def test_pictures_are_up_to_date() -> None:
    """The words and the shape are compared exactly, coordinates to a pixel: other machines round elsewhere."""
    wanted = pictures.files()
    assert sorted(p.name for p in (ROOT / "docs" / "pictures").glob("*.svg")) == sorted(wanted)
    for name, text in wanted.items():
        there = (ROOT / "docs" / "pictures" / name).read_text(encoding="utf-8")
        number = re.compile(r"-?\d+\.\d+")
        assert number.sub("#", there) == number.sub("#", text), "run `make docs` and commit docs/pictures"
        gaps = [abs(float(a) - float(b)) for a, b in zip(number.findall(there), number.findall(text), strict=True)]
        assert max(gaps) <= 1, name


def test_table_of_the_readme_is_up_to_date() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_table.filled(text) == text, "run `make docs` and commit README.md"


def promised() -> list[tuple[str, str]]:
    return [(m, n) for m in api.PROMISED for n, _ in api.callables(importlib.import_module(m))]


@pytest.mark.parametrize(("module", "name"), promised(), ids=lambda x: x)
def test_public_functions_are_documented(module: str, name: str) -> None:
    function = getattr(importlib.import_module(module), name)
    text = api.docstring(function)
    assert re.match(r".+\.(?:\n\n|$)", text, re.DOTALL), "a summary that ends with a full stop"
    parameters = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
    if parameters:
        assert "Args:" in text and "Returns:" in text
    assert ">>>" in text


def test_every_public_name_has_a_docstring() -> None:
    missing = [
        f"{m}.{n}"
        for m in api.modules()
        for n, x in api.public(importlib.import_module(m))
        if (inspect.isroutine(x) or inspect.isclass(x)) and not api.docstring(x)
    ]
    assert missing == []
