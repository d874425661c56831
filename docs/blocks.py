"""The executable documents: every code block is run, and what it prints is compared with what the document says.

    ```python title=FILE.py   written to FILE.py in the folder where the blocks run; with `append`, added to it
    ```python                 a doctest (lines of >>>), or a program that must run; in that folder
    ```console                lines of `$ command`, run by a shell, and what they print on both streams

`...` in an expected output stands for anything. `python docs/blocks.py FILE.md` compares; with `--write` the outputs of
the commands are replaced by what they print now.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^```(?P<language>\w+)(?P<options>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its options, its text and where it starts."""

    language: str
    options: dict[str, str]
    body: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a document."""
    for m in FENCE.finditer(text):
        options = dict(o.partition("=")[::2] for o in m["options"].split())
        yield Block(m["language"], options, m["body"], text[: m.start()].count("\n") + 1)


def commands(body: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    parts = re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]
    return [(c, out) for c, _, out in (p.partition("\n") for p in parts)]


def shell(command: str, folder: Path) -> str:
    """What a command prints, with this Python's programs found first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    run = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=os.environ | {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=300,
    )
    return "\n".join(line.rstrip() for line in run.stdout.splitlines()).strip("\n") + "\n"


def differences(text: str, folder: Path) -> Iterator[str]:
    """Run the blocks of a document in their order; say where it differs from what they do."""
    names: dict[str, object] = {"__name__": "__document__"}
    for block in blocks(text):
        if "title" in block.options:
            with (folder / block.options["title"]).open(
                "a" if "append" in block.options else "w", encoding="utf-8"
            ) as f:
                f.write(block.body)
        elif block.language == "console":
            for command, expected in commands(block.body):
                got = shell(command, folder)
                if not doctest.OutputChecker().check_output(expected or "\n", got, FLAGS):
                    yield f"line {block.line}: $ {command}\nexpected:\n{expected}\ngot:\n{got}"
        elif block.language == "python" and ">>>" in block.body:
            report: list[str] = []
            test = doctest.DocTestParser().get_doctest(block.body, names, "document", None, block.line)
            with contextlib.chdir(folder):
                doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
            names.update(test.globs)
            if report:
                yield "".join(report)
        elif block.language == "python":
            with contextlib.chdir(folder):
                exec(compile(block.body, f"block at line {block.line}", "exec"), names)


def written(text: str, folder: Path) -> str:
    """The document with the outputs of its commands as they are now."""

    def replace(m: re.Match[str]) -> str:
        block = next(blocks(m[0]))
        if "title" in block.options:
            with (folder / block.options["title"]).open(
                "a" if "append" in block.options else "w", encoding="utf-8"
            ) as f:
                f.write(block.body)
        if block.language != "console":
            return m[0]
        shown = "".join(f"$ {c}\n{shell(c, folder)}" for c, _ in commands(block.body))
        return f"```console{m['options']}\n{shown.rstrip()}\n```"

    return FENCE.sub(replace, text)


def main(arguments: list[str]) -> int:
    """Compare, or rewrite, the documents named."""
    wrong = 0
    for name in (a for a in arguments if not a.startswith("--")):
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            if "--write" in arguments:
                path.write_text(written(text, Path(folder)), encoding="utf-8")
                continue
            for difference in differences(text, Path(folder)):
                print(f"{path}, {difference}")
                wrong += 1
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
