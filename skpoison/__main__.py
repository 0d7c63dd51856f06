"""The command ``python -m skpoison``."""

import sys

from skpoison.cli import main

if __name__ == "__main__":
    sys.exit(main())
