"""Table 2 of the gradient paper, judged. `python paper_repro/gip_table_2.py [FOLDER]`

Not in the paper: whether each printed row is its objective's own loss, and which way it pushes.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("gip-table-2", folder, lambda text, share: print(f"{share:4.0%} {text}")))
