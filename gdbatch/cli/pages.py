"""The reference pages of `gdbatch help`: the Markdown files in `gdbatch/help`.

A line such as `{{ outcomes }}` becomes the table of that registered family.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

from .. import registry
from ..errors import UsageError, nearest
from ..sweep_file.text import as_written
from .listing import families

FOLDER = Path(__file__).resolve().parent.parent / "help"


def topics() -> dict[str, str]:
    """The titles of the pages, by name."""
    return {
        path.stem: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        for path in sorted(FOLDER.glob("*.md"))
    }


def find(topic: str) -> str:
    """A page, or all components of this name, described; raises UsageError if there is none."""
    if topic in topics():
        return page(topic)
    known = {family: registry.family(family) for family in registry.FAMILIES}
    found = [_description(family, topic, of[topic]) for family, of in known.items() if topic in of]
    if found:
        return "\n\n".join(found)
    names: dict[str, object] = dict(topics())
    for of in known.values():
        names |= of
    close = nearest(topic, names)
    hint = close if close.startswith("did you mean") else f"pages: {', '.join(topics())}"
    raise UsageError(f'there is no page or component "{topic}"; {hint}')


def page(topic: str) -> str:
    """One reference page."""
    text = (FOLDER / f"{topic}.md").read_text(encoding="utf-8").rstrip()
    return re.sub(
        r"^\{\{ (.+) \}\}$", lambda match: _table(match[1], families()), text, flags=re.MULTILINE
    )


def without_images(text: str) -> str:
    """A page for a terminal, which shows no images: only their alternative texts would remain."""
    return re.sub(r"^!\[[^\]]*\]\([^)]*\)\n*", "", text, flags=re.MULTILINE)


def _table(title: str, known: Mapping[str, Mapping[str, str]]) -> str:
    """One family as a Markdown table."""
    escaped = {name: line.replace("|", r"\|") for name, line in known[title].items()}
    rows = [f"| `{name}` | {line} |" for name, line in escaped.items()]
    return "\n".join([f"| {title} | |", "|---|---|", *rows])


def _description(family: str, name: str, entry: object) -> str:
    """The docstring and the options of one component."""
    title = f"# {name} ({family.replace('_', ' ')})"
    return "\n\n".join([title, inspect.getdoc(entry) or "", *_options(entry)])


def _options(entry: object) -> list[str]:
    """The options of a component as one Markdown list; empty if it has none."""
    fields = getattr(getattr(entry, "Options", None), "model_fields", {})
    lines = []
    for name, field in fields.items():
        if get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1:
            continue  # `kind`, whose value is the title
        default = f" (default: {as_written(field.default)})" if field.default is not None else ""
        default = "" if field.is_required() else default or " (optional)"
        lines.append(f"- `{name}`{default}: {field.description or ''}".rstrip(": "))
    return ["\n".join(["Options:", "", *lines])] if lines else []
