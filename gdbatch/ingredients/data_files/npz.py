"""npz files: zip archives of NumPy arrays; only the requested arrays are read."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError
from .limits import MAX_NUMBERS, as_size
from .rows import Labels, words_of

NUMBERS, STRINGS = "fiu", "US"  # kinds of NumPy types
_ENDING = ".npy"
_ENCRYPTED = 1  # flag of a zip member
# what zipfile and NumPy's header parser raise on damaged files
_DAMAGE = (
    ValueError,
    TypeError,
    SyntaxError,
    KeyError,
    EOFError,
    OSError,
    MemoryError,
    RecursionError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class NpzFile:
    """The arrays of an npz file; every method raises IngredientError about the option `key`."""

    def __init__(self, path: str, content: bytes, key: str) -> None:
        self._path, self._key = path, key
        if content.startswith(np.lib.format.MAGIC_PREFIX):
            raise self._error(
                "is a single array (npy), not an npz file; save it with "
                "np.savez(file, inputs=…, targets=…)"
            )
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except _DAMAGE as error:
            raise self._error(f"is not an npz file, or it is damaged: {error}") from None
        members = self._archive.namelist()
        self.names = [name.removesuffix(_ENDING) for name in members if name.endswith(_ENDING)]

    def shape_of(self, name: str, kinds: str = NUMBERS) -> tuple[int, ...]:
        """The shape of an array of some kinds of types, from its header."""
        return self._array(name, kinds, read=False).shape

    def labels(self, name: str) -> Labels:
        """An array of labels: strings, or whole numbers."""
        array = self._array(name, NUMBERS + STRINGS, read=True)
        if array.dtype.kind in NUMBERS:
            numbers = self.read(name)
            wrong = np.argwhere(numbers != np.floor(numbers))
            if len(wrong):
                raise self._error(
                    f'"{name}" holds labels, but {numbers[tuple(wrong[0])]:g} is no whole number',
                    colon=True,
                )
            return words_of(numbers)
        words = array.astype(np.str_)  # raises UnicodeDecodeError for bytes that are not ASCII
        missing = np.argwhere(words == "")
        if len(missing):
            raise self._error(f'"{name}" has no label at {missing[0].tolist()}', colon=True)
        return words

    def read(self, name: str) -> NDArray[np.float64]:
        """An array of finite numbers in float64."""
        array = self._array(name, NUMBERS, read=True)
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float64)
        finite = np.isfinite(numbers)
        if not finite.all():
            wrong = np.argwhere(~finite)
            place = ", ".join(map(str, wrong[0].tolist()))
            first = array[tuple(wrong[0])]
            more = f", and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
            raise self._error(
                f'"{name}" has values that are not finite: {first} at [{place}]{more}', colon=True
            )
        return numbers

    def _array(self, name: str, kinds: str, read: bool) -> NDArray[np.generic]:
        """An array, or only its shape: a view of a single number."""
        if name not in self.names:
            found = ", ".join(self.names) or "nothing"
            raise self._error(f'has no array "{name}"; it holds {found}')
        member = self._archive.getinfo(name + _ENDING)
        if member.flag_bits & _ENCRYPTED:
            raise self._error(f'"{name}" is encrypted', colon=True)
        try:
            with self._archive.open(member) as stream:
                shape, fortran_order, dtype = _read_header(stream)
                self._check(name, shape, dtype, kinds)
                size = math.prod(shape) * dtype.itemsize
                promised = member.file_size - stream.tell()
                if size != promised:
                    raise ValueError(f"{as_size(promised)} instead of {as_size(size)}")
                if not read:
                    return np.broadcast_to(np.zeros((), dtype), shape)
                data = stream.read(size)
                stream.read(1)  # at the end, zipfile compares the checksum
        except NotImplementedError as error:
            raise self._error(f'"{name}" cannot be unpacked: {error}', colon=True) from None
        except IngredientError:
            raise
        except _DAMAGE as error:
            raise self._error(f'"{name}" is damaged: {error}', colon=True) from None
        array = np.frombuffer(data, dtype)
        return array.reshape(shape, order="F" if fortran_order else "C")

    def _check(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic], kinds: str
    ) -> None:
        if dtype.kind not in kinds:
            raise self._error(f'"{name}" has type {dtype}, not numbers', colon=True)
        if math.prod(shape) * max(1, dtype.itemsize // 8) > MAX_NUMBERS:
            raise self._error(
                f'"{name}" has shape {shape}; at most {MAX_NUMBERS:,} numbers can be read',
                colon=True,
            )

    def _error(self, message: str, colon: bool = False) -> IngredientError:
        return IngredientError(f"{self._path}{':' if colon else ''} {message}", self._key)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, order and type of an array; raises ValueError if the header is damaged."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(stream)
    else:  # 3.0 is for field names, which plain numbers do not have
        raise ValueError(f"format version {version[0]}.{version[1]} does not hold plain numbers")
    if any(length < 0 for length in shape):
        raise ValueError(f"negative shape {shape}")
    return shape, fortran_order, dtype
