"""`python -m gdbatch` is the command `gdbatch`."""

from .cli import main

if __name__ == "__main__":
    main()
