"""The reductions of the mutual-information DPO paper as a table. `python paper_repro/mi_reductions.py [FOLDER]`

The paper lists priors for eight losses; here each is compared by value and by gradient, in exact arithmetic.
"""

import sys

from didlab.experiments import make

print(
    make(
        "mi-reductions",
        sys.argv[1] if len(sys.argv) > 1 else "figures",
        lambda text, share: print(f"{share:4.0%} {text}"),
    )
)
