"""What the manifest records about the machine and the software."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Collection, Mapping, Sequence

import numpy as np

_PACKAGES = ("numpy", "pyarrow", "pandas", "joblib")
_LEVELS = {
    "AVX512": {"AVX512_SKX", "X86_V4"},
    "AVX2": {"AVX2", "X86_V3"},
}  # names up to NumPy 2.3, and in later versions


def machine() -> dict[str, str | int | None]:
    """Facts about the machine."""
    return {
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "byte_order": sys.byteorder,
    }


def versions(others: Sequence[str] = ()) -> dict[str, str]:
    """The versions of Python and of the packages that results depend on, `others` included."""
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in (*_PACKAGES, *others)},
    }


def simd_level() -> str:
    """The vector instructions that NumPy uses here; the last bits of `exp` depend on them."""
    config: Mapping[str, Mapping[str, Collection[str]]] = np.show_config(mode="dicts")  # type: ignore[assignment]
    extensions = config["SIMD Extensions"]
    features = {*extensions.get("baseline", ()), *extensions.get("found", ())}
    for level, names in _LEVELS.items():
        if features & names:
            return level
    x86 = platform.machine().lower() in ("x86_64", "amd64", "i686", "x86")
    return "baseline" if x86 else platform.machine()
