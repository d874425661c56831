"""Figure 4 of the DID paper, with the true DID. `python paper_repro/figure_4.py [FOLDER]`

The paper sketches it; here it is computed, over all outcomes and over those that the assumption of Claim 4.1 leaves.
"""

import sys

from didlab.experiments import make

for name in ("fig-4",):
    print(
        make(name, sys.argv[1] if len(sys.argv) > 1 else "figures", lambda text, share: print(f"{share:4.0%} {text}"))
    )
