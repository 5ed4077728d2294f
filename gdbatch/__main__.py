"""`python -m gdbatch` is the command `gdbatch`."""

import os
import sys

if __name__ == "__main__":
    # `-m` puts the current folder first on the path, where a file random.py would be imported
    if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):
        del sys.path[0]
    from .cli import main

    main()
