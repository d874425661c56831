"""Repeat the recorded runs: `python -m didlab.experiments.transformer [FOLDER]`; FOLDER keeps what is done so far."""

from __future__ import annotations

import sys
from pathlib import Path

from ..output import Output
from .protocol import PROTOCOL
from .record import RECORD, write_record
from .run import run
from .sweep import sweep


def main(folder: Path) -> None:
    """Run the seeds that are reported and write the record of the package."""
    out = Output("transformer", folder, lambda text, share: print(f"{share:4.0%} {text}", flush=True))
    write_record(sweep(run, PROTOCOL.seeds, PROTOCOL, out.checkpoint, out.say))
    print(RECORD)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "figures"))
