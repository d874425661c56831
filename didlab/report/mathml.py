"""A statement as HTML: words flow, math is MathML, in pieces between which a line may break."""

from __future__ import annotations

import re
from html import escape

from .latex import pieces, segments, unicode

__all__ = ["html", "inline"]

REWRITES = (
    (re.compile(r"\\operatorname\*?\{arg\\?[,; ]?\s*(max|min)\}"), r"\\arg\1"),
    (re.compile(r"\\arg(?![a-zA-Z])"), r"\\operatorname{arg}"),
    (re.compile(r"\\operatorname\*\{"), r"\\operatorname{"),
    (re.compile(r"\\(?:textrm|mbox|textnormal|mathsf)(?=\{)"), r"\\text"),
    (re.compile(r"\\not\s*="), r"\\neq"),
    (re.compile(r"_\{([A-Za-z]{3,}|[A-Z]{2})\}"), r"_{\\text{\1}}"),
)


def html(source: str, *, display: bool = False, prose: bool = False) -> str:
    r"""The statement as inline HTML, fractions and sums at full size if it is displayed.

    >>> html(r"\text{for } x")
    'for <span class="m"><math><mrow><mi>x</mi></mrow></math></span>'
    """
    out = ""
    for kind, part in segments(source, prose=prose):
        if kind == "text":
            out += _words(part)
            continue
        for piece in pieces(part):
            comma = out.endswith("</mo></mrow></math></span>") and _last_comma(out)
            out += (" " if comma else "<wbr>" if out.endswith("</span>") else "") + inline(piece, display=display)
    return out.strip()


def _words(text: str) -> str:
    """Prose: `code` between backticks, and indices below the line."""
    parts = re.split(r"`([^`]+)`", escape(text))
    parts[::2] = (re.sub(r"\b([A-Za-z]{1,5})_([A-Za-z0-9]{1,3})\b", r"\1<sub>\2</sub>", p) for p in parts[::2])
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))


def _last_comma(made: str) -> bool:
    return bool(re.search(r"<mo[^>]*>(?:,|&#x0002C;)</mo></mrow></math></span>$", made))


def inline(math: str, *, display: bool = False) -> str:
    """One piece of math as MathML, or in Unicode text where a command is not known."""
    from latex2mathml.converter import convert

    source = math
    for pattern, replacement in REWRITES:
        source = pattern.sub(replacement, source)
    try:
        made = convert(source)
    except Exception:  # whatever a converter makes of a formula it does not know, the reader gets the text
        made = "\\"
    if "\\" in made:
        return f'<span class="m">{escape(unicode(f"${math}$"))}</span>'
    return f'<span class="m">{_tidy(made, display)}</span>'


THIN = '<mspace width="0.17em"></mspace>'
UPRIGHT = re.compile(r'(?:<mi mathvariant="normal">[^<]</mi>){2,}')
WORD = re.compile(r"<mo(?: [^>]*)?>([A-Za-z][A-Za-z.\u2009]+|(?:[A-Za-z]|&#x02009;){2,})</mo>")
ARROW = re.compile(r"<mi>(&#x0?(?:2[0-9A-F]|7E|0007E)[0-9A-F]*;|~)</mi>")
FUNCTION = re.compile(r"(<mi>(?:log|exp|ln|max|min|sup|inf|arg)</mi>)(?!<mo stretchy=\"false\">)(?=<)(?!</)")


def _tidy(made: str, display: bool) -> str:
    made = made.replace(
        ' xmlns="http://www.w3.org/1998/Math/MathML" display="inline"', ' displaystyle="true"' if display else ""
    )
    made = re.sub(r"^(<math[^>]*><mrow>)<mo>(&#x02212;|&#x0002B;|\+|−)</mo>", r'\1<mo form="infix">\2</mo>', made)
    made = re.sub(r"&(?!#?\w+;)", "&amp;", made)
    made = UPRIGHT.sub(lambda m: f"<mi>{''.join(re.findall(r'>([^<])<', m[0]))}</mi>", made)
    made = WORD.sub(r"<mi>\1</mi>", made)
    made = ARROW.sub(_operator, made)
    made = re.sub(r"(</(?:mi|mn|msub|msup)>)(?=<mi>(?:log|exp|ln|max|min|sup|inf|arg)</mi>)", rf"\1{THIN}", made)
    made = FUNCTION.sub(rf"\1{THIN}", made)
    return re.sub(r"<(\w+)([^<>]*?)\s*/>", r"<\1\2></\1>", made)


def _operator(m: re.Match[str]) -> str:
    symbol = "∼" if m[1] in ("~", "&#x0007E;", "&#x007E;") else m[1]
    letters = {
        "&#x02113;",
        "&#x0210E;",
        "&#x02115;",
        "&#x0211D;",
        "&#x02102;",
        "&#x02119;",
        "&#x0221E;",
        "&#x02205;",
        "&#x02207;",
        "&#x02202;",
    }
    return m[0] if symbol in letters else f"<mo>{symbol}</mo>"
