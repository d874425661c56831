r"""LaTeX commands by the class of what they print, and the characters that they print in a terminal."""

from __future__ import annotations

import re

__all__ = [
    "ACCENTS",
    "BARS",
    "BINARY",
    "CLOSE",
    "DOUBLE",
    "FUNCTION",
    "IGNORED",
    "NAMES",
    "OPEN",
    "ORDINARY",
    "PLAIN",
    "RELATION",
    "SCRIPT",
    "SPACES",
    "SUB",
    "SUPER",
    "TOKEN",
    "WORDS",
]

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
    "widetilde": "\u0303", "dot": "\u0307", "ddot": "\u0308", "vec": "\u20d7", "check": "\u030c",
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
