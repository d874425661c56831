r"""LaTeX as a person reads it in a terminal: :math:`\pi` as π, a fraction as a/b, an index below the line.

A statement is LaTeX in math mode with words in ``\text{...}``, or prose with math between dollar signs;
:func:`segments` tells the two apart, so that the page typesets the one and leaves the other to flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .latex_math import group_at, math_text
from .latex_symbols import ORDINARY, RELATION, TOKEN, WORDS

__all__ = ["pieces", "segments", "unicode"]


def unicode(source: str, *, prose: bool = False) -> str:
    r"""A statement in Unicode text; a command that is not known keeps its name.

    >>> unicode(r"\pi_{\mathrm{ref}}(y)^{2} \ge \frac{\log n}{n+1}")
    'π_ref(y)² ≥ (log n)/(n + 1)'
    """
    text = ""
    for kind, part in segments(source, prose=prose):
        made = math_text(part) if kind == "math" else part
        relations = "".join(RELATION.values()) + "=<>"
        text += f" {made}" if text and made and (made[0] in relations or text[-1] in relations) else made
    return re.sub(r"\s+", " ", text).strip()


def segments(source: str, *, prose: bool = False) -> list[tuple[str, str]]:
    r"""The ("text", words) and ("math", LaTeX) that a statement, or what is known to be prose, consists of.

    >>> segments(r"\pi > 0 \text{ for every } y")
    [('math', '\\pi > 0'), ('text', ' for every '), ('math', 'y')]
    """
    if re.search(r"(?<!\\)\$|\\\(", _without_text(source)):
        parts = list(_prose(source))
    elif prose or _is_prose(source):
        parts = [("text", re.sub(r"\\[A-Za-z]+(?:_\w)?", lambda m: math_text(m[0]), source))]
    else:
        parts = list(_split_text(source))
    parts = [(kind, _trimmed(part) if kind == "math" else part) for kind, part in parts]
    return [(kind, part) for kind, part in parts if part]


LONG = 40


def pieces(math: str) -> list[str]:
    """Math cut where a line may break, outside brackets: before a relation, after a comma; if long, before a sum."""
    sums = len(math) > LONG
    out, start, depth, at = [""], True, 0, 0
    for token in TOKEN.findall(math):
        name = token[1:] if token.startswith("\\") else ""
        depth += _depth(token)
        breaks = token in "=<>" if len(token) == 1 else name in RELATION and name not in ("mid", "sim", "in", "to")
        plus = sums and token in "+-" and not _unary(math[:at])
        if depth == 0 and (breaks or plus) and not start and not math[:at].rstrip().endswith("\\not"):
            out.append("")
            start = True
        elif not token.isspace() and not breaks:
            start = False
        out[-1] += token
        at += len(token)
        if depth == 0 and (token == "," or name in ("quad", "qquad")):
            out.append("")
            start = True
    return [p for p in map(_trimmed, out) if p]


def _trimmed(math: str) -> str:
    """Math without the spaces around it, written ones included."""
    return re.sub(r"^\s+|(?:(?<!\\)\\[ ,;:!>]|\s)+$", "", math)


def _unary(before: str) -> bool:
    """Whether a sign after this text belongs to what follows it."""
    before = before.rstrip()
    command = re.search(r"\\([A-Za-z]+)$", before)
    return command[1] not in ORDINARY if command else not re.search(r"[\w)\]}'*]$", before)


def _depth(token: str) -> int:
    if token in ("{", "(", "[", "\\{", "\\left", "\\begin", "\\bigl", "\\lVert"):
        return 1
    return -1 if token in ("}", ")", "]", "\\}", "\\right", "\\end", "\\bigr", "\\rVert") else 0


def _without_text(source: str) -> str:
    tokens, out, i = TOKEN.findall(source), "", 0
    while i < len(tokens):
        if tokens[i].startswith("\\") and tokens[i][1:] in WORDS and "{" in tokens[i + 1 : i + 2]:
            _, i = group_at(tokens, i + 1)
        else:
            out, i = out + tokens[i], i + 1
    return out


def _is_prose(source: str) -> bool:
    bare = re.sub(r"\\(?:begin|end|operatorname\*?|math\w+)\s*\{[^{}]*\}", " + ", _without_text(source))
    bare = re.sub(r"\\[A-Za-z]+", " + ", bare)
    return bool(re.search(r"[A-Za-z]{2,},? +[A-Za-z]{2,}", bare) or re.fullmatch(r"[A-Za-z]{3,}[.:]?", bare.strip()))


def _prose(source: str) -> Iterator[tuple[str, str]]:
    for i, part in enumerate(re.split(r"(?<!\\)\$|\\\(|\\\)", source)):
        if i % 2:
            yield from _split_text(part)
        elif part:
            yield "text", part.replace("\\$", "$")


def _split_text(source: str) -> Iterator[tuple[str, str]]:
    """Math with the words of its outermost braces taken out."""
    tokens, math, depth, i = TOKEN.findall(source), "", 0, 0
    while i < len(tokens):
        token = tokens[i]
        if depth == 0 and token.startswith("\\") and token[1:] in WORDS and "{" in tokens[i + 1 : i + 2]:
            words, i = group_at(tokens, i + 1)
            yield "math", math
            yield from _prose("".join(words))
            math = ""
            continue
        if token in ("{", "\\left", "\\begin"):
            depth += 1
        elif token in ("}", "\\right", "\\end"):
            depth -= 1
        if depth == 0 and token in ("\\quad", "\\qquad"):
            yield "math", math
            yield "text", "\u2003"
            math = ""
        else:
            math += token
        i += 1
    yield "math", math
