"""Claim 4.1 over temperature and shape of the reference. `python paper_repro/claim_4_1.py [FOLDER]`

Not in the paper: where the entropy of the DID lies above or below that of the reference.
"""

import sys

from didlab.experiments import make

print(
    make(
        "phase-4.1", sys.argv[1] if len(sys.argv) > 1 else "figures", lambda text, share: print(f"{share:4.0%} {text}")
    )
)
