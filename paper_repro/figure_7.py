"""Figure 7 of the DID paper. `python paper_repro/figure_7.py [FOLDER]`

Prints differ in what the paper leaves open (steps, start, fresh or fixed pairs, roles of symbols): the captions, in
FOLDER/README.md, say which readings were run and whether the picture changes.
"""

import sys

from didlab.experiments import make

for name in ("fig-7",):
    print(
        make(name, sys.argv[1] if len(sys.argv) > 1 else "figures", lambda text, share: print(f"{share:4.0%} {text}"))
    )
