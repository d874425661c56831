"""`python -m didlab` is the command `didlab`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
