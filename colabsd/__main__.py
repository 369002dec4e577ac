"""`python -m colabsd` is the command `colabsd`."""

import sys

from colabsd.cli import main

if __name__ == "__main__":
    sys.exit(main())
