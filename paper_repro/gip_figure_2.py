"""Figure 2 of the gradient paper, on synthetic pairs. `python paper_repro/gip_figure_2.py [FOLDER]`

All ten objectives of its Table 2, with the hyper-parameters of its Appendix C.3; what it says of each is compared in
the caption, in FOLDER/README.md.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("gip-2", folder, lambda text, share: print(f"{share:4.0%} {text}")))
