"""The learnable prior of section 5.2, carried out. `python paper_repro/mi_alternation.py [FOLDER]`

The paper proposes to optimise the prior and shows no run: where two alternations end, and what the policies are worth.
"""

import sys

from didlab.experiments import make

folder = sys.argv[1] if len(sys.argv) > 1 else "figures"
print(make("mi-alternation", folder, lambda text, share: print(f"{share:4.0%} {text}")))
