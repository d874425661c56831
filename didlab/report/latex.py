r"""LaTeX as a person reads it in a terminal: :math:`\pi` as π, a fraction as a/b, an index below the line.

A statement is LaTeX in math mode with words in ``\text{...}``, or prose with math between dollar signs;
:func:`segments` tells the two apart, so that the page typesets the one and leaves the other to flow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["pieces", "segments", "unicode"]

ORDINARY = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "varphi": "φ", "chi": "χ",
    "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π",
    "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "infty": "∞", "partial": "∂", "nabla": "∇", "ell": "ℓ",
    "emptyset": "∅", "varnothing": "∅", "top": "⊤", "dots": "…", "ldots": "…", "cdots": "⋯", "prime": "′", "ast": "*",
    "star": "⋆", "forall": "∀", "exists": "∃", "neg": "¬", "lnot": "¬", "angle": "∠", "Re": "Re", "Im": "Im",
    "%": "%", "_": "_", "&": "&", "#": "#", "$": "$", "aleph": "ℵ",
}
BINARY = {
    "cdot": "·", "times": "×", "pm": "±", "mp": "∓", "circ": "∘", "oplus": "⊕", "otimes": "⊗", "wedge": "∧",
    "vee": "∨", "land": "∧", "lor": "∨", "cap": "∩", "cup": "∪", "setminus": "∖", "bullet": "•", "odot": "⊙",
    "div": "÷",
}
RELATION = {
    "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠",
    "approx": "≈", "sim": "∼", "simeq": "≃", "cong": "≅", "equiv": "≡", "propto": "∝", "ll": "≪", "gg": "≫",
    "in": "∈", "notin": "∉", "ni": "∋", "subset": "⊂", "subseteq": "⊆", "supset": "⊃", "supseteq": "⊇", "to": "→",
    "rightarrow": "→", "mapsto": "↦", "leftarrow": "←", "Rightarrow": "⇒", "implies": "⟹", "Longrightarrow": "⟹",
    "iff": "⟺", "Leftrightarrow": "⇔", "Longleftrightarrow": "⟺", "leftrightarrow": "↔", "mid": "|", "perp": "⊥",
    "parallel": "∥", "coloneqq": "≔", "triangleq": "≜", "prec": "≺", "succ": "≻", "preceq": "⪯", "succeq": "⪰",
    "uparrow": "↑", "downarrow": "↓", "models": "⊨", "lt": "<", "gt": ">", "longrightarrow": "⟶", "impliedby": "⟸",
    "Leftarrow": "⇐",
}
FUNCTION = {
    name: name for name in ("log", "exp", "ln", "max", "min", "sup", "inf", "lim", "arg", "det", "dim", "sin", "cos",
                            "tan", "tanh", "Pr", "sign", "softmax", "limsup", "liminf")
} | {"sum": "Σ", "prod": "∏", "int": "∫", "argmax": "arg max", "argmin": "arg min", "bigcup": "⋃", "bigcap": "⋂"}
OPEN = {"{": "{", "lvert": "|", "lVert": "‖", "lfloor": "⌊", "lceil": "⌈", "langle": "⟨", "lbrace": "{", "lbrack": "["}
CLOSE = {"}": "}", "rvert": "|", "rVert": "‖", "rfloor": "⌋", "rceil": "⌉", "rangle": "⟩", "rbrace": "}", "rbrack": "]"}
BARS = {"|": "‖", "Vert": "‖", "vert": "|"}
SPACES = {",": "", ";": " ", ":": " ", " ": " ", "!": "", ">": " ", "quad": "  ", "qquad": "   ", "\\": "; ", "~": " "}
IGNORED = {
    "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg", "biggl", "biggr", "Biggl", "Biggr",
    "bigm", "Bigm", "middle", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "rm", "bf", "it",
    "nonumber",
}
ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0304", "tilde": "\u0303",
    "widetilde": "\u0303",    "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7", "check": "\u030c",
}
PLAIN = {
    "mathrm", "mathbf", "mathsf", "mathit", "boldsymbol", "bm", "mathtt", "underbrace", "overbrace", "underline",
    "mathop", "mathbin", "mathrel", "mathord", "phantom", "boxed", "substack", "ensuremath",
}
WORDS = {"text", "textrm", "textbf", "textit", "mbox", "textsf", "texttt", "emph", "textnormal"}
NAMES = {"operatorname", "operatorname*"}
DOUBLE = dict(zip("ABDEFGIJKLMOSTUVWXYCHNPQRZ1", "𝔸𝔹𝔻𝔼𝔽𝔾𝕀𝕁𝕂𝕃𝕄𝕆𝕊𝕋𝕌𝕍𝕎𝕏𝕐ℂℍℕℙℚℝℤ𝟙", strict=True))
SCRIPT = dict(zip("ACDGJKNOPQSTUVWXYZBEFHILMR", "𝒜𝒞𝒟𝒢𝒥𝒦𝒩𝒪𝒫𝒬𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵ℬℰℱℋℐℒℳℛ", strict=True))
SUPER = dict(zip("0123456789+-−=()niβ⊤T*′⋆", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱᵝᵀᵀ*′⋆", strict=True))
SUB = dict(zip("0123456789+-−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))

TOKEN = re.compile(r"\\operatorname\*|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)
Atom = tuple[str, str]  # text and class: ord, op, bin, rel, open, close, punct, inner, space


def unicode(source: str, *, prose: bool = False) -> str:
    r"""A statement in Unicode text; a command that is not known keeps its name.

    >>> unicode(r"\pi_{\mathrm{ref}}(y)^{2} \ge \frac{\log n}{n+1}")
    'π_ref(y)² ≥ (log n)/(n + 1)'
    """
    text = ""
    for kind, part in segments(source, prose=prose):
        made = _math(part) if kind == "math" else part
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
        parts = [("text", re.sub(r"\\[A-Za-z]+(?:_\w)?", lambda m: _math(m[0]), source))]
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
            _, i = _group_at(tokens, i + 1)
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
            words, i = _group_at(tokens, i + 1)
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


def _group_at(tokens: list[str], i: int) -> tuple[list[str], int]:
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


def _math(source: str) -> str:
    return _join(_atoms(TOKEN.findall(source)))


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
            top, i = _group_at(tokens, i)
            bottom, i = _group_at(tokens, i)
            out.append((f"{_wrapped(top, multiply=False)}/{_wrapped(bottom)}", "inner"))
        elif name in ("binom", "tbinom"):
            top, i = _group_at(tokens, i)
            bottom, i = _group_at(tokens, i)
            out.append((f"C({_join(_atoms(top))}, {_join(_atoms(bottom))})", "ord"))
        elif name == "sqrt":
            inside, i = _group_at(tokens, i)
            out.append((f"√{_wrapped(inside)}", "ord"))
        elif name in ("begin", "end"):
            _, i = _group_at(tokens, i)
        elif name in WORDS or name in NAMES or name in PLAIN or name in ACCENTS or name in ("mathbb", "mathcal"):
            inside, i = _group_at(tokens, i)
            out.append(_styled(name, inside))
        elif token in ("^", "_"):
            inside, i = _group_at(tokens, i)
            text, kind = out.pop() if out and out[-1][1] not in ("space", "rel", "bin") else ("", "ord")
            out.append((text + _script(token, _join(_atoms(inside))), "op" if kind == "op" else kind))
        elif token == "{":
            inside, i = _group_at(tokens, i - 1)
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
