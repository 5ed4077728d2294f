"""Every key of a TOML document is found on its line; generated documents know their lines."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gdbatch.sweep_file.text import describe
from gdbatch.sweep_file.toml_locations import TomlLocations, lookup, split_key


def lines_of(text: str, *paths: tuple[str | int, ...]) -> list[int | None]:
    tomllib.loads(text)  # a test about something that is not TOML would prove nothing
    locations = TomlLocations(text)
    return [locations.line(path) for path in paths]


# by hand -----------------------------------------------------------------------------------


def test_tables_and_their_keys() -> None:
    text = 'a = 1\n\n[train]\n# a remark\nmax_steps = 3\ndtype = "x"\n[axes]\nseed = 1'
    assert lines_of(
        text, ("a",), ("train",), ("train", "max_steps"), ("train", "dtype"), ("axes", "seed")
    ) == [1, 3, 5, 6, 8]


def test_dotted_keys_and_dotted_tables() -> None:
    text = "a.b.c = 1\na.b.d = 2\n[x . y]\n z . w = 3\n"
    assert lines_of(
        text, ("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "d"), ("x", "y"), ("x", "y", "z", "w")
    ) == [1, 1, 1, 2, 3, 4]


def test_an_implicit_table_has_the_line_of_the_longer_header() -> None:
    assert lines_of("\n[train.stop]\nloss = 1\n", ("train",), ("train", "max_steps")) == [2, 2]


def test_quoted_keys() -> None:
    text = (
        '[axes]\n"optimizer.momentum" = [1]\n'
        "'a = b' = 2\n"
        '"a \\" = # \\u0041" = 3\n'
        '"" = 4\n'
        "' '.x = 5\n"
    )
    assert lines_of(
        text,
        ("axes", "optimizer.momentum"),
        ("axes", "a = b"),
        ("axes", 'a " = # A'),
        ("axes", ""),
        ("axes", " ", "x"),
    ) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("name", ["a]b", "a]]b", "a.b", "a#b", "[a"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_quoted_headers(name: str, quote: str) -> None:
    text = f"x = 1\n[{quote}{name}{quote}] # ]\ny = 2\n"
    assert lines_of(text, (name,), (name, "y")) == [2, 3]


def test_each_element_of_an_array_over_several_lines() -> None:
    text = "x = [ # first\n  [1, 2],\n\n  # third, ] \n  [3,\n   4], [5]\n  ,\n  6,\n]\ny = 1\n"
    assert lines_of(text, ("x",), ("x", 0), ("x", 1), ("x", 2), ("x", 3), ("y",)) == [
        1, 2, 5, 6, 8, 10,
    ]  # fmt: skip


def test_the_contents_of_an_element_have_its_line() -> None:
    text = "x = [\n  [1, 2],\n  { a = 1, b = [2] },\n]\n"
    assert lines_of(text, ("x", 0, 1), ("x", 1, "b"), ("x", 1, "b", 0)) == [2, 3, 3]


def test_inline_tables() -> None:
    text = 'a = 1\nstop = { loss = 1, x.y = "}", "k=" = [1, 2] }\nb = 2\n'
    assert lines_of(text, ("stop",), ("stop", "loss"), ("stop", "k="), ("b",)) == [2, 2, 2, 3]


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_multiline_strings_hide_lines_that_look_like_keys(quotes: str) -> None:
    text = f"a = {quotes}\n[b]\nc = 1 # ]\n{quotes} # {quotes}\nd = 2\n[b]\nc = 3\n"
    assert lines_of(text, ("a",), ("d",), ("b",), ("b", "c")) == [1, 5, 6, 7]


@pytest.mark.parametrize(
    "value",
    [
        '""""quoted"""""',
        '""""""',
        '"""\\\n   a"""',
        '"""a \\""" b\n"""',
        "'''''two'''''",
        "''''''",
        '"\\\\"',
        "'\\'",
        '"# no remark"',
        "'['",
        '["[", "]", \'"\']',
        "1979-05-27 07:32:00",
        "1979-05-27T07:32:00-08:00",
        "0xFF",
        "-inf",
        "[[],[[]],\n]",
    ],
)
def test_the_key_after_a_tricky_value(value: str) -> None:
    text = f"a = {value}  # remark with \" and ' and [\nb = 2\n[c]\nd = 3\n"
    extra = value.count("\n")
    assert lines_of(text, ("a",), ("b",), ("c",), ("c", "d")) == [
        1, 2 + extra, 3 + extra, 4 + extra,
    ]  # fmt: skip


def test_arrays_of_tables() -> None:
    text = (
        "[[axes.zip]]\na = 1\nb = 2\n\n[[axes.zip]]\na = 3\n[axes.zip.deep]\nc = 4\n"
        "[[axes.zip]]\na = 5\n"
    )
    assert lines_of(
        text,
        ("axes", "zip"),
        ("axes", "zip", 0),
        ("axes", "zip", 0, "b"),
        ("axes", "zip", 1, "a"),
        ("axes", "zip", 1, "deep", "c"),
        ("axes", "zip", 2),
        ("axes", "zip", 2, "a"),
    ) == [1, 1, 3, 6, 8, 9, 10]


def test_arrays_of_tables_inside_arrays_of_tables() -> None:
    text = "[[a]]\n[[a.b]]\nx = 1\n[[a.b]]\nx = 2\n[[a]]\n[[a.b]]\nx = 3\n"
    assert lines_of(text, ("a", 0, "b", 0, "x"), ("a", 0, "b", 1, "x"), ("a", 1, "b", 0, "x")) == [
        3,
        5,
        8,
    ]


def test_windows_line_endings() -> None:
    text = 'a = 1\r\n[b]\r\nc = [\r\n 1,\r\n 2 ]\r\nd = """\r\n"""\r\ne = 1'
    assert lines_of(text, ("a",), ("b", "c"), ("b", "c", 1), ("b", "d"), ("b", "e")) == [
        1, 3, 5, 6, 8,
    ]  # fmt: skip


def test_a_missing_key_has_the_line_of_its_nearest_parent() -> None:
    text = "a = 1\n[train]\nmax_steps = 1\n"
    assert lines_of(text, ("train", "dtype"), ("train", "max_steps", 3), ("gone",)) == [2, 3, None]


def test_an_empty_document_has_no_lines() -> None:
    assert lines_of("", ("a",)) == [None]
    assert lines_of("# only a remark", ("a",)) == [None]


# generated ---------------------------------------------------------------------------------

plain_names = st.text("abz09_-", min_size=1, max_size=3)
quoted_names = st.text("ab.=#[]{} ,\"'\\é\t", max_size=4)


def basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{escaped}"'


@st.composite
def written_names(draw: st.DrawFn) -> tuple[str, str]:
    """The name of a key, and one way to write it."""
    name = draw(plain_names | quoted_names)
    ways = [basic(name)]
    if "'" not in name:
        ways.append(f"'{name}'")
    if name and all(letter in "abz09_-" for letter in name):
        ways.append(name)
    return name, draw(st.sampled_from(ways))


spaces = st.sampled_from(["", " ", "\t", "  "])
scalars = st.sampled_from(
    ["1", "-1.5e3", "inf", "true", "1979-05-27", "07:32:00", '"a"', "'b]'", '"\\"#"', '""', "''"]
)
long_strings = st.sampled_from(
    ['"""\nx = 1\n"""', "'''\n[a]\n'''", '"""a\\\n  b"""', '""""""', '""""a"" """', "'''a''\n'''"]
)
gaps = st.sampled_from([" ", "", "\n", " # ], \"'[\n", "\n\n# '''\n "])


class Writer:
    """Writes a document and keeps the first line of every key and element."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple[Any, ...], int] = {}

    def note(self, path: tuple[Any, ...], start: int = 1) -> None:
        for length in range(start, len(path) + 1):
            self.lines.setdefault(path[:length], self.text.count("\n") + 1)

    def filler(self) -> None:
        self.text += self.draw(st.sampled_from(["", "", "\n", "# a = 1 [\n", "  \t# '''\n"]))

    def end_line(self) -> None:
        self.text += self.draw(st.sampled_from(["\n", " \t\n", " # \"[' = \n"]))

    def task(self, table: tuple[Any, ...]) -> None:
        names = self.draw(st.lists(written_names(), min_size=1, max_size=3))
        path = (*table, *(name for name, _ in names))
        if any(path[:n] in self.closed for n in range(len(table), len(path) + 1)):
            return  # already a value
        if path in self.lines:
            return
        dot = self.draw(spaces) + "." + self.draw(spaces)
        self.filler()
        self.text += self.draw(spaces)
        self.note(path, len(table) + 1)
        self.text += dot.join(written for _, written in names)
        self.text += self.draw(spaces) + "=" + self.draw(spaces)
        self.closed.add(path)
        self.dotted.update(path[:n] for n in range(len(table) + 1, len(path)))
        self.value(path, 1)
        self.end_line()

    closed: set[tuple[Any, ...]]
    dotted: set[tuple[Any, ...]]

    def value(self, path: tuple[Any, ...] | None, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "scalar", "long", "array", "inline"]))
        if kind == "array" and depth < 4:
            self.text += "["
            for element in range(self.draw(st.integers(0, 3))):
                self.text += ("," if element else "") + self.draw(gaps)
                if path is not None:
                    self.note((*path, element), len(path) + 1)
                self.value(None, depth + 1)
                self.text += self.draw(gaps)
            self.text += "]"
        elif kind == "inline" and depth < 4:
            self.text += "{"
            for element in range(self.draw(st.integers(0, 2))):
                self.text += (", " if element else "") + f"k{element} = "
                self.value(None, depth + 1)
            self.text += " }"
        else:
            self.text += self.draw(long_strings if kind == "long" else scalars)


@st.composite
def documents(draw: st.DrawFn) -> Writer:
    """Assignments, then tables and arrays of tables, two of them nested."""
    writer = Writer(draw)
    writer.closed, writer.dotted = set(), set()
    for _ in range(draw(st.integers(0, 3))):
        writer.task(())
    taken = {path[0] for path in writer.lines}
    for name, written in draw(st.lists(written_names(), max_size=3)):
        if name in taken:
            continue
        taken.add(name)
        kind = draw(st.sampled_from(["table", "deep", "array", "nested array"]))
        tails: list[tuple[Any, ...]] = [()]
        headers = [f"[{written}]"]
        if kind == "deep":
            tails, headers = [("x", "y.z")], [f"[ {written} . x.'y.z' ]"]
        elif kind == "array":
            tails = [(index,) for index in range(draw(st.integers(1, 3)))]
            headers = [f"[[{written}]]"] * len(tails)
        elif kind == "nested array":
            tails, headers = [], []
            for outer in range(draw(st.integers(1, 2))):
                tails.append((outer,))
                headers.append(f"[[{written}]]")
                for inner in range(draw(st.integers(0, 2))):
                    tails.append((outer, "in ner", inner))
                    headers.append(f'[[{written}."in ner"]]')
        for tail, header in zip(tails, headers, strict=True):
            writer.filler()
            writer.note((name, *tail))
            writer.text += draw(spaces) + header
            writer.end_line()
            for _ in range(draw(st.integers(0, 2))):
                path = (name, *tail)
                if kind == "nested array" and len(tail) == 1:
                    continue  # keep clear of the arrays inside
                writer.task(path)
    return writer


@settings(max_examples=250, deadline=None)
@given(documents(), st.booleans())
def test_every_key_of_any_document_has_its_line(writer: Writer, windows: bool) -> None:
    text = writer.text.replace("\n", "\r\n") if windows else writer.text
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        reject()  # rare: a dotted key meets a table
    locations = TomlLocations(text)
    for path, line in writer.lines.items():
        lookup(document, path)  # the generator's own paths must be real
        assert locations.line(path) == line, f"{describe(path)} in\n{text}"


PIECES = [*"ab.=[]{}\"'#,\n\n\\ 1", "'''", '"""', "[[", "]]", "a = 1\n", "\r\n"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_whatever_tomllib_accepts_is_scanned(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    locations = TomlLocations(text)
    for key in document:
        line = locations.line((key,))
        assert line is not None
        assert 1 <= line <= text.count("\n") + 1


@given(st.lists(written_names(), min_size=1, max_size=4), spaces)
def test_a_dotted_key_splits_into_the_parts_tomllib_reads(
    names: list[tuple[str, str]], space: str
) -> None:
    text = f"{space}.{space}".join(written for _, written in names)
    assert split_key(text) == tuple(name for name, _ in names)


@pytest.mark.parametrize("text", ["", "a.", ".a", "a b", "a..b", "a=b", '"a', "é", "a.b c"])
def test_invalid_keys_do_not_split(text: str) -> None:
    assert split_key(text) is None


def test_a_path_is_described_in_dotted_notation() -> None:
    assert describe(("axes", "optimizer.momentum")) == 'axes."optimizer.momentum"'
    assert describe(("problem", "inputs", 2, 0)) == "problem.inputs[2][0]"
