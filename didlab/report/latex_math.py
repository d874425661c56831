"""Math as Unicode text: tokens, atoms of a class each, and spaces between the classes."""

from __future__ import annotations

import re

from .latex_symbols import (
    ACCENTS,
    BARS,
    BINARY,
    CLOSE,
    DOUBLE,
    FUNCTION,
    IGNORED,
    NAMES,
    OPEN,
    ORDINARY,
    PLAIN,
    RELATION,
    SCRIPT,
    SPACES,
    SUB,
    SUPER,
    TOKEN,
    WORDS,
)

__all__ = ["group_at", "math_text"]

Atom = tuple[str, str]  # text and class: ord, op, bin, rel, open, close, punct, inner, space


def math_text(source: str) -> str:
    r"""LaTeX in math mode as Unicode text.

    >>> math_text(r"\pi_{ref}^2 \ge 0")
    'π_ref² ≥ 0'
    """
    return _join(_atoms(TOKEN.findall(source)))


def group_at(tokens: list[str], i: int) -> tuple[list[str], int]:
    """The tokens of the brace group (or the single token) at i, and what follows it."""
    while i < len(tokens) and tokens[i].isspace():
        i += 1
    if i >= len(tokens):
        return [], i
    if tokens[i] != "{":
        return [tokens[i]], i + 1
    depth = 0
    for j in range(i, len(tokens)):
        depth += (tokens[j] == "{") - (tokens[j] == "}")
        if depth == 0:
            return tokens[i + 1 : j], j + 1
    return tokens[i + 1 :], len(tokens)


def _atoms(tokens: list[str]) -> list[Atom]:
    out: list[Atom] = []
    i = 0
    while i < len(tokens):
        token, name = tokens[i], tokens[i][1:] if tokens[i].startswith("\\") else ""
        i += 1
        if token.isspace() or name in IGNORED:
            if name in ("left", "right") and tokens[i : i + 1] == ["."]:
                i += 1
        elif name in ("frac", "dfrac", "tfrac", "cfrac"):
            top, i = group_at(tokens, i)
            bottom, i = group_at(tokens, i)
            out.append((f"{_wrapped(top, multiply=False)}/{_wrapped(bottom)}", "inner"))
        elif name in ("binom", "tbinom"):
            top, i = group_at(tokens, i)
            bottom, i = group_at(tokens, i)
            out.append((f"C({_join(_atoms(top))}, {_join(_atoms(bottom))})", "ord"))
        elif name == "sqrt":
            inside, i = group_at(tokens, i)
            out.append((f"√{_wrapped(inside)}", "ord"))
        elif name in ("begin", "end"):
            _, i = group_at(tokens, i)
        elif name in WORDS or name in NAMES or name in PLAIN or name in ACCENTS or name in ("mathbb", "mathcal"):
            inside, i = group_at(tokens, i)
            out.append(_styled(name, inside))
        elif token in ("^", "_"):
            inside, i = group_at(tokens, i)
            text, kind = out.pop() if out and out[-1][1] not in ("space", "rel", "bin") else ("", "ord")
            out.append((text + _script(token, _join(_atoms(inside))), "op" if kind == "op" else kind))
        elif token == "{":
            inside, i = group_at(tokens, i - 1)
            out.append((_join(_atoms(inside)), "ord"))
        elif name == "not" and i < len(tokens):
            following = _atoms([tokens[i]])
            i += 1
            out += [(text + "\u0338", kind) for text, kind in following]
        elif token != "}":
            out.append(_symbol(token, name, out))
    return out


def _styled(name: str, inside: list[str]) -> Atom:
    if name in WORDS:
        return "".join(inside), "space"
    text = _join(_atoms(inside))
    if name in NAMES:
        return text, "op"
    if name in ACCENTS:
        return (text + ACCENTS[name], "ord") if len(text) == 1 else (f"{name}({text})", "ord")
    table = {"mathbb": DOUBLE, "mathcal": SCRIPT}.get(name, {})
    return "".join(table.get(c, c) for c in text), "ord"


def _symbol(token: str, name: str, before: list[Atom]) -> Atom:
    for table, kind in ((ORDINARY, "ord"), (BINARY, "bin"), (RELATION, "rel"), (FUNCTION, "op"), (OPEN, "open"),
                        (CLOSE, "close"), (SPACES, "space"), (BARS, "ord")):
        if name in table:
            return table[name], kind
    if name:
        return name, "op"
    if token in "=<>:≤≥≠≈∈→⟹⟺∝":
        return token, "rel"
    if token in "+-":
        unary = not before or before[-1][1] in ("rel", "bin", "open", "punct", "space")
        return "−" if token == "-" else "+", "ord" if unary else "bin"
    if token in "([":
        return token, "open"
    if token in ")]":
        return token, "close"
    if token in ",;":
        return token, "punct"
    if token == "'":
        return "′", "ord"
    return (" ", "space") if token in "~&" else (token, "ord")


def _wrapped(tokens: list[str], multiply: bool = True) -> str:
    """The text of a group, in brackets where a fraction bar would not show its extent."""
    atoms = _atoms(tokens)
    text = _join(atoms)
    kinds = [kind for _, kind in atoms]
    simple = len(kinds) <= 1 or (not multiply and re.fullmatch(r"[\w.⁰¹²³⁴-⁹*]+", text) is not None)
    call = kinds[:2] in (["ord", "open"], ["op", "open"]) and "close" not in kinds[:-1]
    return text if (simple and not re.search("[ /]", text)) or call else f"({text})"


def _script(mark: str, text: str) -> str:
    table = SUPER if mark == "^" else SUB
    word = len(text) > 2 and text.isalpha()
    close = text.replace(" ", "")
    if close and all(c in table for c in close) and not word:
        return "".join(table[c] for c in close)
    return f"{mark}{text}" if re.fullmatch(r"[\w*′]+|\(.*\)", text) else f"{mark}({text})"


def _apart(last: str, kind: str, end: str) -> bool:
    """Whether a space goes between two atoms."""
    if last == "op":
        return kind in ("ord", "op") and end not in "([{ "
    if kind == "op":
        return last in ("ord", "close", "inner") and end not in "−+√"
    return kind in ("ord", "inner", "open") if last == "inner" else kind == "inner" and last in ("ord", "close")


def _join(atoms: list[Atom]) -> str:
    out = ""
    last = "open"
    for raw, kind in atoms:
        text = raw
        if kind in ("rel", "bin"):
            text = f" {text} "
        elif kind == "punct":
            text = f"{text} "
        elif last == "op" and kind == "inner":
            text = f"({text})"
        elif _apart(last, kind, out[-1:]):
            text = f" {text}"
        out += text
        last = kind
    return re.sub(r" +", " ", out).strip() if not any(k == "space" for _, k in atoms) else re.sub(r"  +", " ", out)
