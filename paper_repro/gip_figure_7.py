"""Figure 7 of the gradient paper, on synthetic pairs. `python paper_repro/gip_figure_7.py [FOLDER]`

The cosine of the gradients of chosen and rejected responses, under ten objectives and on three kinds of pairs.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("gip-7", folder, lambda text, share: print(f"{share:4.0%} {text}")))
