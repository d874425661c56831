"""Figure 3 of the gradient paper on a small transformer. `python paper_repro/gip_figure_3.py [FOLDER]`

The paper fine-tunes GPT-2; here a small model of its architecture is trained from scratch (`didlab[bridge]`).
"""

import sys

from didlab.experiments import make

if __name__ == "__main__":  # the runs are other processes, which read this file too
    folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
    print(make("gip-3", folder, lambda text, share: print(f"{share:4.0%} {text}")))
