"""The measured worst case of every measure, in units in the last place of the correctly rounded float64.

    python benchmarks/accuracy.py [--cases 10000] [--large 200] [--seed 2]

The truth is ball arithmetic with the inputs taken as exact; the cases are those of the tests.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "oracle"))

from accuracy import BOUND, MEASURES, worst_cases
from hard_cases import KINDS, random_cases, table_cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="random cases with up to 64 outcomes")
    parser.add_argument("--large", type=int, default=200, help="random cases with 65 to 10,000 outcomes")
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    groups = {
        "table": list(table_cases()),
        "K <= 64": list(random_cases(args.seed, args.cases)),
        "K <= 10,000": list(random_cases(args.seed + 1, args.large, 65, 10_000)),
    }
    kinds = ["table", *(make.__name__ for make in KINDS)]
    worst = 0.0
    for title, cases in groups.items():
        print(f"{title} ({len(cases)} cases), largest distance in ulp")
        print(f"{'':<20}" + "".join(f"{kind:>12}" for kind in kinds))
        for name in MEASURES:
            found = worst_cases(cases, [name]).get(name, {})
            worst = max([worst, *(distance for distance, _ in found.values())])
            cells = (f"{found[kind][0]:>12.1f}" if kind in found else f"{'':>12}" for kind in kinds)
            print(f"{name:<20}" + "".join(cells), flush=True)
        print()
    print(f"worst {worst:g} ulp, bound {BOUND:g}")
    return int(worst > BOUND)


if __name__ == "__main__":
    raise SystemExit(main())
