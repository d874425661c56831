"""The API reference, written from the docstrings: `python docs/api.py` fills docs/api/, `--check` compares.

What is public: the names of `__all__` in the modules below. A docstring becomes Markdown: its sections lists, its
doctests code, its formulas what Markdown calls mathematics.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias
from typing import Any

MODULES = (
    "didlab",
    "didlab.errors",
    "didlab.engine.claim",
    "didlab.engine.kinds",
    "didlab.engine.relations",
    "didlab.engine.judge",
    "didlab.engine.certificate",
    "didlab.engine.run",
    "didlab.objectives",
    "didlab.solvers",
    "didlab.sequences",
    "didlab.dynamics",
    "didlab.experiments",
    "didlab.strategies",
    "didlab.testing",
    "didlab.claims",
    "didlab.bridge",
    "didlab.bridge.data",
    "didlab.bridge.score",
    "didlab.bridge.table",
    "didlab.bridge.did_model",
    "didlab.bridge.huggingface",
    "didlab.bridge.gradients",
    "didlab.bridge.step",
    "didlab.diagnose",
    "didlab.diagnose.callback",
    "didlab.report",
)
PROMISED = (
    "didlab",
    "didlab.engine.claim",
    "didlab.engine.judge",
    "didlab.engine.relations",
    "didlab.objectives",
    "didlab.solvers",
    "didlab.sequences",
    "didlab.dynamics",
)  # every function: a summary, its arguments, its result, an example
OUT = Path(__file__).parent / "api"
SECTIONS = ("Args", "Returns", "Raises", "Ref", "Convention", "Accuracy", "Yields", "Attributes", "Note")


class Bare:
    """An annotation that prints as it was written."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def signature(thing: Any) -> str:
    """The call as it would be written, without what differs between runs."""

    def bare(annotation: Any) -> Any:
        text = getattr(annotation, "__forward_arg__", annotation)  # of a named tuple
        return Bare(text) if isinstance(text, str) else annotation

    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    parameters = [
        p.replace(annotation=bare(p.annotation), default=Bare("...") if " at 0x" in repr(p.default) else p.default)
        for p in found.parameters.values()
    ]
    text = str(found.replace(parameters=parameters, return_annotation=bare(found.return_annotation)))
    return text.removesuffix(" -> None") if inspect.isclass(thing) else text


def public(module: Any) -> Iterator[tuple[str, Any]]:
    """The names a module offers, in their order there."""
    for name in getattr(module, "__all__", ()):
        if not name.startswith("__"):
            yield name, getattr(module, name)


def callables(module: Any) -> Iterator[tuple[str, Any]]:
    """The public functions of a module."""
    return ((name, x) for name, x in public(module) if inspect.isroutine(x))


def markdown(text: str) -> str:
    """A docstring as Markdown."""
    text = re.sub(r":math:`((?:[^`])*)`", lambda m: f"${' '.join(m[1].split())}$", text)
    text = re.sub(r":(?:func|class|mod|meth|data|obj|attr):`~?([^`]*)`", r"`\1`", text)
    text = re.sub(r"``([^`]*)``", r"`\1`", text)
    out: list[str] = []
    rule = re.compile(r"=+  +=+")
    lines = text.splitlines()
    i = 0
    while i < len(lines):
        line = lines[i]
        head = re.match(rf"({'|'.join(SECTIONS)}):\s*(.*)$", line)
        if line.startswith(">>>"):
            block = []
            while i < len(lines) and lines[i].strip():
                block.append(lines[i])
                i += 1
            out += ["```python", *block, "```"]
            continue
        if line.startswith(".. math::"):
            formula = [line.removeprefix(".. math::").strip()]
            i += 1
            while i < len(lines) and lines[i].startswith(" "):
                formula.append(lines[i].strip())
                i += 1
            out += ["$$" + " ".join(f for f in formula if f) + "$$"]
            continue
        if rule.fullmatch(line):
            end = next(j for j in range(i + 1, len(lines)) if rule.fullmatch(lines[j]))
            rows = (re.split(r"  +", x, maxsplit=1) for x in lines[i + 1 : end])
            out += ["| | |", "|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
            i = end + 1
            continue
        if head and not head[2]:
            body = []
            i += 1
            while i < len(lines) and (not lines[i].strip() or lines[i].startswith(" ")):
                body.append(lines[i])
                i += 1
            out += [f"**{head[1]}**", "", *items(body, head[1]), ""]
            continue
        out.append(f"**{head[1]}** {head[2]}" if head else line)
        i += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()


def items(body: list[str], section: str) -> list[str]:
    """The entries of a section, one bullet each."""
    text = inspect.cleandoc("\n".join(["", *body]))
    entries: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") or not line.strip():
            if entries and line.strip():
                entries[-1] += " " + line.strip()
            continue
        entries.append(line.strip())
    if section == "Returns":
        return [" ".join(entries)]
    return ["- " + re.sub(r"^(\*{0,2}[\w, .]+?): ", r"`\1`: ", e) for e in entries]


def docstring(thing: Any) -> str:
    """The docstring of the thing itself, not of what it inherits or wraps."""
    if isinstance(thing, GenericAlias):
        return ""  # that of the type it is made of
    own = thing.__dict__.get("__doc__") if inspect.isclass(thing) else getattr(thing, "__doc__", None)
    if inspect.isclass(thing) and own and own.startswith(f"{thing.__name__}("):
        return ""  # what a dataclass writes for itself
    return inspect.cleandoc(own or "")


def entry(name: str, thing: Any) -> str:
    """One public name."""
    if inspect.isclass(thing):
        base = issubclass(thing, BaseException)
        parts = [
            f"## {name}",
            f"```python\nclass {name}{'' if base else signature(thing)}\n```",
            markdown(docstring(thing)),
        ]
        for method, value in vars(thing).items():
            if method.startswith("_") or not (
                inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod)
            ):
                continue
            shown = value.fget if isinstance(value, property) else getattr(thing, method)
            if shown is None or not docstring(shown):
                continue
            call = "" if isinstance(value, property) else signature(shown)
            parts += [f"### {name}.{method}", f"```python\n{method}{call}\n```", markdown(docstring(shown))]
        return "\n\n".join(p for p in parts if p)
    if inspect.isroutine(thing):
        return "\n\n".join([f"## {name}", f"```python\n{name}{signature(thing)}\n```", markdown(docstring(thing))])
    if inspect.ismodule(thing):
        return f"## {name}\n\nThe module `{thing.__name__}`: {summary(thing)}"
    if isinstance(thing, dict | tuple | list) and all(isinstance(x, str) for x in thing):
        value = ", ".join(f"`{x}`" for x in thing)
    else:
        value = f"`{thing}`" if isinstance(thing, str | GenericAlias) else f"a `{type(thing).__name__}`"
    return f"## {name}\n\n{value}"


def summary(thing: Any) -> str:
    """The first line of a docstring."""
    lines = docstring(thing).splitlines()
    return markdown(lines[0]) if lines else ""


def modules() -> list[str]:
    """The modules of the reference that say what they offer."""
    return [m for m in MODULES if getattr(importlib.import_module(m), "__all__", None)]


def pages() -> dict[str, str]:
    """Every page of the reference by its file name."""
    out: dict[str, str] = {}
    index = [
        "# API reference",
        "",
        "Written from the docstrings by `python docs/api.py`. All quantities of information are in nats.",
        "",
    ]
    for module_name in modules():
        module = importlib.import_module(module_name)
        title = [f"# {module_name}", markdown(docstring(module))]
        out[f"{module_name}.md"] = "\n\n".join([*title, *(entry(n, x) for n, x in public(module))]) + "\n"
        index += [f"## [{module_name}]({module_name}.md)", "", summary(module), ""]
        index += [
            f"- [`{n}`]({module_name}.md#{n.lower()}) {summary(x) if callable(x) else ''}".rstrip()
            for n, x in public(module)
        ]
        index.append("")
    out["README.md"] = "\n".join(index)
    return out


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check say which differ from what is there."""
    wanted = pages()
    there = {p.name: p.read_text(encoding="utf-8") for p in OUT.glob("*.md")}
    if "--check" in arguments:
        stale = sorted(n for n in wanted.keys() | there.keys() if wanted.get(n) != there.get(n))
        print("\n".join(f"out of date: docs/api/{n}" for n in stale) or "the reference is up to date")
        return bool(stale)
    OUT.mkdir(exist_ok=True)
    for name in there.keys() - wanted.keys():
        (OUT / name).unlink()
    for name, text in wanted.items():
        (OUT / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
