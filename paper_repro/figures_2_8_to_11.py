"""Synthetic counterparts of Figures 2 and 8 to 11. `python paper_repro/figures_2_8_to_11.py [FOLDER]`

The paper trains language models; here DPO and DPO-PG train on synthetic pairs, and the expected likelihoods are exact.
"""

import sys

from didlab.experiments import make

print(
    make(
        "displacement",
        sys.argv[1] if len(sys.argv) > 1 else "figures",
        lambda text, share: print(f"{share:4.0%} {text}"),
    )
)
