"""``python -m tumorscope``: the command line without the installed script."""

import sys

from tumorscope.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
