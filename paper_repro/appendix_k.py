"""The entropy estimators of Appendix K. `python paper_repro/appendix_k.py [FOLDER]`

Not a figure of the paper: bias and spread of each estimator against the exact value.
"""

import sys

from didlab.experiments import make

print(make("app-k", sys.argv[1] if len(sys.argv) > 1 else "figures", lambda text, share: print(f"{share:4.0%} {text}")))
