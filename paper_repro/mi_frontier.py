"""The reward-information frontier. `python paper_repro/mi_frontier.py [FOLDER]`

The paper draws none: where the optima of its special cases lie below the most reward at a given information.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("mi-frontier", folder, lambda text, share: print(f"{share:4.0%} {text}")))
