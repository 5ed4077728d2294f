"""Every check of the project, in the order of CI: `python -m tests`, `--long` for all.

Tests run on the installed gdbatch; ruff, mypy and import-linter read the checkout. The last lines
name the tests that did not run, such as comparisons with packages that are not installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST = ["tests/test_package.py", "tests/engine/test_fused.py"]
WORKERS = min(4, os.cpu_count() or 1)  # more wait for each other's kernels to compile


def main() -> int:
    """Run the checks until one fails; returns its exit code."""
    everything = "--long" in sys.argv[1:]
    # -P: this checkout must not stand in for the installed gdbatch
    pytest = ["-P", "-m", "pytest", "-q", "-rs", "-c", "pyproject.toml", f"-n{WORKERS}"]
    # a file is for one worker, which makes or compiles once what its tests share; long ones first
    pytest += ["--dist=loadfile", "--no-loadscope-reorder"]
    pytest += ["--pyargs", *FIRST, "tests", "gdbatch"]
    checks = (
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "."],
        ["-m", "mypy"],
        ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
        [*pytest, *([] if everything else ["-m", "not long"])],
    )
    # LLVM's first level gives the same bytes, and compiles kernels in two thirds of the time
    environment = {"NUMBA_OPT": "1", **os.environ, "GDBATCH_INSTALLED": "1"}
    for check in checks:
        print(f"\n{' '.join(check[1:] if check[0] == '-m' else check)}", flush=True)
        code = subprocess.run([sys.executable, *check], cwd=ROOT, env=environment).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
