"""Figure 1 of the gradient paper, on synthetic pairs. `python paper_repro/gip_figure_1.py [FOLDER]`

The paper trains language models; here a last layer over a frozen random network learns from generated pairs. The
caption, in FOLDER/README.md, says what differs and whether the picture agrees.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("gip-1", folder, lambda text, share: print(f"{share:4.0%} {text}")))
