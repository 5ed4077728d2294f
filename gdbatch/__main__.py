"""The console script `gdbatch`, also as `python -m gdbatch`.

Imports little, so that signals are handled before the slow imports.
"""

import os
import sys

from .signals import Interrupt, raise_interrupts


def main() -> None:
    """Run the command line; a signal ends it with one message and an exit code."""
    try:
        raise_interrupts()
        from .cli import main as run

        run()
    except Interrupt as interrupt:
        print(f"\n{interrupt}", file=sys.stderr)
        sys.exit(interrupt.exit_code)


if __name__ == "__main__":
    # `-m` puts the current folder first on the path, where a file random.py would be imported
    if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):
        del sys.path[0]
    main()
