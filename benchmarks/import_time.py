"""How long `import didlab` takes in a fresh process, beside an interpreter that imports nothing."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

RUNS = 15


def seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    seconds("import didlab")
    times: dict[str, list[float]] = {"pass": [], "import didlab": [], "import didlab; didlab.entropy": []}
    for _ in range(RUNS):
        for code, found in times.items():
            found.append(seconds(code))
    median = {code: round(statistics.median(found), 4) for code, found in times.items()}
    for code, value in median.items():
        print(f"{code:32} {value:.3f} s")
    print(json.dumps(median))


if __name__ == "__main__":
    main()
