"""The table of the README, drawn from what is recorded: `python docs/readme_table.py` fills it in, `--check` compares.

The verdicts are those of didlab/claims/recorded.json, the counterexamples those of the stored certificates, re-checked
on the way.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- verdicts: written by docs/readme_table.py -->", "<!-- end of verdicts -->"
SHOWN = (
    "did.thm-3.2",
    "did.thm-3.3",
    "did.thm-3.4.uniqueness",
    "did.thm-3.5.order-implies-power-law",
    "did.claim-4.1.reinforcing",
    "did.claim-4.1.smoothing",
    "did.claim-4.1.converse",
    "did.sec-4.2.displacement",
    "gip.abstract.inner-product.absolute",
    "gip.thm-1.directions",
    "gip.eq-12",
    "gip.thm-3.suffix.own-logits",
    "mi.eq-3.optimum",
    "mi.sec-3.1.prior-scope",
    "mi.recover.simpo.gradient-fixed-prior",
    "mi.sec-5.1.constraints",
)
LONGEST = 3  # objects with more parts than this are left to `didlab replay`


def counterexample(claim: Any, certificate: Any) -> str:
    """The objects of a stored counterexample, re-checked, in one line."""
    from didlab.engine.certificate import describe, replay

    objects = describe(claim.printed, replay(claim, certificate))["objects"]
    if len(objects) > LONGEST or any(x["kind"] == "table" for x in objects.values()):
        return f"`didlab replay {claim.id}`"
    shown = []
    for name, x in objects.items():
        values = ", ".join(x["values"])
        shown.append(f"{name.replace('_', ' ')} {f'({values})' if len(x['values']) > 1 else values}")
    return "; ".join(shown)


def instead(claim: Any, verdict: str) -> str:
    """What is true where the printed statement is not."""
    from didlab.report.latex import unicode

    if verdict == "conditional" and claim.assumption is not None:
        return f"if {unicode(claim.assumption.text)}"
    if verdict == "refuted" and claim.correction is not None:
        return unicode(claim.correction.text)
    return ""


def table() -> str:
    """The table, and how many statements have which verdict."""
    from didlab import claims
    from didlab.report.words import VERDICTS

    recorded = claims.recorded()
    rows = ["| statement | place | verdict | smallest counterexample | what is true instead |", "|---|---|---|---|---|"]
    by_id = {c.id: c for c in claims.load()}
    for id in SHOWN:
        if id not in recorded or id not in by_id:
            continue
        claim, verdict, certificate = by_id[id], recorded[id], claims.stored(id)
        cells = [
            claim.title,
            f"{claim.paper.upper()}, {claim.where}",
            f"{VERDICTS[verdict].symbol} {verdict}",
            counterexample(claim, certificate) if certificate else "",
            instead(claim, verdict),
        ]
        rows.append("| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |")
    counts = Counter(v for id, v in recorded.items() if id in by_id)
    said = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    text = (
        f"{sum(counts.values())} statements have a recorded verdict: {said}."
        if counts
        else "No verdict is recorded yet."
    )
    return "\n".join([text, "", *rows]) if len(rows) > 2 else text


def filled(text: str) -> str:
    """The README with its table as it should be."""
    return re.sub(
        rf"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{table()}\n{END}", text, flags=re.DOTALL
    )


def main(arguments: list[str]) -> int:
    """Fill the table in, or with --check say whether it differs."""
    text = README.read_text(encoding="utf-8")
    wanted = filled(text)
    if "--check" in arguments:
        print("the table is up to date" if wanted == text else "the table of README.md is out of date")
        return int(wanted != text)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
