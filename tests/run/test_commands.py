"""The commands other than `sweep`: help, version, list, schema, new, summary and plot.

Each answers on stdout, fails with one message, and copes with a closed pipe.
"""

from __future__ import annotations

import ast
import copy
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import typer

import gdbatch
from gdbatch import figures, registry
from gdbatch.api import Run
from gdbatch.cli import application
from gdbatch.cli.pages import FOLDER, page, without_images
from gdbatch.cli.terminal import replace_unencodable
from gdbatch.sweep_file.shipped import shipped_folder, shipped_sweeps
from tests.documents import document
from tests.run.helpers import command, environment, message, process, structured, sweep_in

HEAVY = {"numpy", "pandas", "matplotlib", "pyarrow", "pydantic"}
COMMANDS: dict[str, Any] = dict(typer.main.get_command(application()).commands)  # type: ignore[attr-defined]
OF_SWEEP = ["-o", "-j", "--engine", "--set", "--dry-run", "--fresh", "--csv", "--json", "--quiet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sweep_in(tmp_path_factory.mktemp("runs") / "run", document())


# help and version --------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sweep", "--help"]], ids=repr)
def test_help_and_version_import_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    """Except for pydantic, which Typer itself tries to import when it reads parameters."""
    looks = (
        "import sys\n"
        f"sys.argv[1:] = {arguments}\n"
        "from gdbatch.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", looks],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout
    imported = set(ast.literal_eval(result.stderr))
    assert "typer" in imported
    assert not (HEAVY if len(arguments) == 1 else HEAVY - {"pydantic"}) & imported


def test_help_names_every_command(tmp_path: Path) -> None:
    result = process("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stderr == ""
    assert {"sweep", "summary", "plot", "list", "schema", "new"} <= set(COMMANDS)
    for name in COMMANDS:
        assert re.search(rf"^\W*{name}\s+\w+", result.stdout, re.MULTILINE)
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_mentions_its_options(name: str) -> None:
    result = command(name, "--help")
    assert result.exit_code == 0
    for parameter in COMMANDS[name].params:
        for option in parameter.opts:
            assert option in result.stdout or option.upper() in result.stdout.upper()
        assert parameter.help in " ".join(re.sub(r"[│\n]", " ", result.stdout).split())


@pytest.mark.parametrize("arguments", [(), *((name,) for name in COMMANDS)])
def test_flags_show_no_type_in_help(arguments: tuple[str, ...]) -> None:
    assert not re.search("(?i)<?bool", command(*arguments, "--help").stdout)


def test_sweep_has_the_documented_options() -> None:
    found = {option for parameter in COMMANDS["sweep"].params for option in parameter.opts}
    assert set(OF_SWEEP) <= found


def test_the_version_is_that_of_the_package() -> None:
    assert command("--version").stdout == f"gdbatch {gdbatch.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["sweeep"], ["--csv"], ["list", "--csv"], ["schema", "more"], ["plot"], ["new"]]
)
def test_an_invalid_command_line_ends_with_exit_code_2(arguments: list[str]) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr and "Traceback" not in result.stderr


# list --------------------------------------------------------------------------------------


def listed(*arguments: str) -> dict[str, list[str]]:
    """The titles of `gdbatch list` with the names below each."""
    names: dict[str, list[str]] = {}
    title = ""
    for line in command("list", *arguments).stdout.splitlines():
        if line.startswith("  "):
            name, *words = line.split()
            assert words  # the description
            names[title].append(name)
        elif line:
            title = line
            names[title] = []
    return names


def test_the_list_has_every_sweep_and_every_component() -> None:
    shown = listed()
    assert shown.pop("sweeps") == list(shipped_sweeps())
    families = {about.title: name for name, about in registry.FAMILIES.items()}
    assert {title: list(registry.family(families[title])) for title in shown} == shown
    assert {"optimizers", "stop rules", "outcomes", "commands"} <= set(shown)


@pytest.mark.parametrize("name", ["optimizer", "optimizers"])
def test_one_family_can_be_listed(name: str) -> None:
    assert listed(name) == {"optimizers": list(registry.family("optimizer"))}


@pytest.mark.parametrize("name", ["stop_rule", "stop-rules", "stop rules"])
def test_a_family_of_two_words_can_be_spelt_as_one(name: str) -> None:
    assert list(listed(name)) == ["stop rules"]


def test_a_misspelt_family_gets_the_nearest_name() -> None:
    result = command("list", "optimisers")
    assert result.exit_code == 2
    expected = 'error: there is no family "optimisers"; did you mean "optimizers"?'
    assert message(result.stderr) == expected


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("name", ["list", "help"])
def test_lists_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, name: str, columns: int) -> None:
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: size)
    plain = command(name).stdout
    monkeypatch.setattr("gdbatch.cli.terminal.is_terminal", lambda: True)
    wrapped = command(name).stdout
    assert max(map(len, wrapped.splitlines())) <= columns
    assert wrapped.split() == plain.split()


# help pages --------------------------------------------------------------------------------


def test_help_lists_every_page_and_prints_each() -> None:
    names = [line.split()[0] for line in command("help").stdout.splitlines()]
    assert names == sorted(path.stem for path in FOLDER.glob("*.md"))
    for name in names:
        shown = command("help", name).stdout
        assert shown.startswith("# ")
        assert "{{" not in shown


def test_help_describes_every_part_by_its_name() -> None:
    shown = command("help", "momentum").stdout
    assert "Polyak 1964" in shown
    assert "`momentum` (default: 0.9)" in shown
    for name in registry.family("optimizer"):
        assert command("help", name).exit_code == 0


def test_a_terminal_gets_no_images() -> None:
    text = page("published")
    assert "![" in text
    assert "gallery" not in without_images(text)
    assert without_images("before\n\n![a](b.png)\n![c](d.png)\n\nafter") == "before\n\nafter"


def test_help_shows_defaults_as_in_a_sweep_file() -> None:
    shown = command("help", "adam").stdout
    assert "`decoupled` (default: false)" in shown
    assert "`clip_norm` (optional)" in shown
    assert "`kind`" not in shown
    assert '`loss` (default: "squared_error")' in command("help", "network").stdout


@pytest.mark.parametrize(
    ("name", "meant"), [("axis", "axes"), ("momentun", "momentum"), ("sgd", "gradient_descent")]
)
def test_a_misspelt_page_gets_the_nearest_name(name: str, meant: str) -> None:
    result = command("help", name)
    assert result.exit_code == 2
    expected = f'error: there is no page or component "{name}"; did you mean "{meant}"?'
    assert message(result.stderr) == expected


# terminals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("arguments", [["list"], ["help", "axes"], ["summary", "nowhere数"]])
def test_characters_that_the_terminal_cannot_encode_are_replaced(
    tmp_path: Path, encoding: str, arguments: list[str]
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "gdbatch", *arguments],
        cwd=tmp_path,
        env=environment(PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    out, err = result.stdout.decode(encoding), result.stderr.decode(encoding)
    assert "bug" not in err
    assert result.returncode == (2 if arguments[0] == "summary" else 0)
    if encoding == "utf-8":
        assert "nowhere数" in err or "η" in out or "…" in out
    elif arguments == ["list"]:
        assert "w <- w - eta g" in out
    elif arguments[0] == "summary":
        assert r"nowhere\u6570" in err


def test_powers_are_spelled_in_ascii() -> None:
    replace_unencodable()
    stream = io.TextIOWrapper(io.BytesIO(), "ascii", "gdbatch.spelled")
    stream.write("0 to 2⁶³ - 1, x², 10¹²")
    stream.flush()
    assert stream.buffer.getvalue() == b"0 to 2^63 - 1, x^2, 10^12"


# schema ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(command("schema").stdout)
    return printed


def valid(schema: dict[str, Any], sweep: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(sweep))


def test_the_schema_is_the_file_that_ships(schema: dict[str, Any]) -> None:
    assert json.loads((shipped_folder() / "sweep.schema.json").read_text()) == schema
    jsonschema.Draft202012Validator.check_schema(schema)


def test_the_schema_accepts_every_shipped_sweep(schema: dict[str, Any]) -> None:
    for path in shipped_sweeps().values():
        jsonschema.validate(tomllib.loads(path.read_text()), schema)


@pytest.mark.parametrize("name", shipped_sweeps())
def test_the_schema_refuses_a_misspelt_key_in_any_table(schema: dict[str, Any], name: str) -> None:
    sweep = tomllib.loads(shipped_sweeps()[name].read_text())
    tables = [(), *((key,) for key, value in sweep.items() if isinstance(value, dict))]
    assert len(tables) >= 5
    for path in tables:
        if path == ("axes",):  # where any key is allowed
            continue
        wrong = copy.deepcopy(sweep)
        (wrong[path[0]] if path else wrong)["learning_raet"] = 1.0
        assert not valid(schema, wrong)


WRONG: dict[str, dict[str, Any]] = {
    "a kind": {"problem.kind": "netwrok"},
    "a rule": {"train.stop": {"prediction_eror": 1e-3}},
    "a form of axis": {"axes.learning_rate": {"log10": [0, 1], "nun": 3}},
    "a type": {"train.max_steps": "many"},
    "no value": {"axes.learning_rate": []},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_the_schema_refuses_what_a_sweep_refuses(
    schema: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert valid(schema, document())
    assert not valid(schema, document(changes))


def test_the_schema_accepts_lists_and_zipped_axes(schema: dict[str, Any]) -> None:
    assert valid(schema, document({"axes.learning_rate": [0, 1]}))
    assert valid(schema, structured())
    zipped = {"zip": [{"learning_rate": [1, 2], "init.low": [0, 0.5]}]}
    assert valid(schema, document(axes=zipped))


FUNCTIONS = [
    {"kind": "function", "function": name, **example}
    for name, entry in registry.family("function").items()
    for example in entry.examples
]
PROBLEMS = [
    *FUNCTIONS,
    {"kind": "network", "layers": [2, 1], "data": {"kind": "two_moons", "noise": 0.1}},
    {"kind": "python", "file": "own.py"},
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_the_schema_knows_the_options_of_every_problem(
    schema: dict[str, Any], problem: dict[str, Any]
) -> None:
    assert valid(schema, document(problem=problem))
    assert not valid(schema, document(problem=problem | {"nonsense": 1}))
    if isinstance(problem.get("data"), dict):
        misspelt = problem | {"data": problem["data"] | {"nois": 1}}
        assert not valid(schema, document(problem=misspelt))


# new ---------------------------------------------------------------------------------------


def test_new_writes_a_valid_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("new", "mine")
    assert result.exit_code == 0
    assert Path(result.stdout.strip()) == tmp_path / "mine.toml"
    assert tomllib.loads(Path("mine.toml").read_text())["name"] == "mine"
    assert command("sweep", "mine.toml", "--dry-run", "-j", "1").exit_code == 0


def test_new_does_not_overwrite_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("work of weeks")
    result = command("new", "mine")
    assert result.exit_code == 2
    assert "mine.toml" in message(result.stderr)
    assert Path("mine.toml").read_text() == "work of weeks"


@pytest.mark.parametrize("name", ["a/b", "../up", "/tmp/abs", ".hidden", "", "a b", "-x"])
def test_new_refuses_an_invalid_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "here" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    result = command("new", "--", name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message(result.stderr).startswith("error: ")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# summary and plot --------------------------------------------------------------------------


def test_summary_answers_as_the_sweep_did(run: Run) -> None:
    result = command("summary", run.path)
    assert result.exit_code == 0
    assert result.stdout.startswith("best learning rate: 1,000 (median ")
    assert result.stderr == ""


def test_summary_as_csv_is_the_file_and_as_json_the_answer(run: Run) -> None:
    table = pd.read_csv(io.StringIO(command("summary", run.path, "--csv").stdout))
    pd.testing.assert_frame_equal(table, pd.read_csv(run.path / "summary.csv"))
    answer = json.loads(command("summary", run.path, "--json").stdout)
    assert answer["answers"][0]["best"] == 1000.0


@pytest.mark.parametrize("name", ["summary", "plot"])
def test_a_path_without_a_run_is_named_in_the_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file", tmp_path / "file" / "below"):
        result = command(name, path)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert str(path) in message(result.stderr)


def test_plot_writes_the_requested_figure_and_prints_its_path(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", document())
    result = command("plot", run.path, "loss")
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert [path.name for path in paths] == ["loss.png", "loss.svg"]
    assert {path.name for path in (run.path / "figures").iterdir()} == {"loss.png", "loss.svg"}
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in paths[1].read_text()


def test_an_unknown_figure_gets_the_nearest_name(run: Run) -> None:
    result = command("plot", run.path, "convergance")
    assert result.exit_code == 2
    told = message(result.stderr)
    assert told == 'error: unknown figure "convergance"; did you mean "convergence"?'
    told = message(command("plot", run.path, "pie").stderr)
    assert all(kind in told for kind in figures.names())
    assert not (run.path / "figures").exists()


# closed pipes ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["list", "schema", "summary", "summary --csv", "--help"])
def test_a_closed_pipe_gives_no_traceback(run: Run, name: str) -> None:
    """Like that of `head` once it has its lines."""
    arguments = name.split()
    if arguments[0] == "summary":
        arguments.insert(1, str(run.path))
    read, write = os.pipe()
    os.close(read)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "gdbatch", *arguments],
            env=environment(),
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(write)
    assert result.stderr == ""
