"""Hints for common mistakes in TOML that tomllib's messages do not explain."""

from __future__ import annotations

import re

_VALUE = r"(?:^|[=\[,:])\s*"

# pattern in the line where tomllib failed → what to write instead
_HINTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        ("[“”„«»‘’]", "strings take straight quotes: \"…\" or '…'"),
        (r"\"[^\"]*\\", "in \"…\" a backslash begins an escape: write the path in '…', or with /"),
        (_VALUE + r"[-+]?\.\d", "a number needs a digit before its point: 0.001, not .001"),
        (r"\d\.(?![\d])", "a number needs a digit after its point: 1.0, not 1."),
        (r"=\s*\d{1,3}(?:,\d{3})+\s*$", "group digits with _: 10_000"),
        (_VALUE + r"[-+]?0\d", "a number cannot begin with 0: 5, not 05"),
        (_VALUE + r"(?:True|False)\b", "write true or false in lower case"),
        (_VALUE + r"(?:None|null|nil)\b", "TOML has no null; leave the key out instead"),
        (r"^\s*[\w.\"-]+\s*:", 'write key = value, with "=" instead of ":"'),
        (r"=\s*$", 'the value after "=" is missing'),
        (r"\{[^}]*$", "a table in { … } must be on one line"),
        (r"=\s*\[?\s*[A-Za-z_/~]", "text needs quotes: \"…\" or '…'"),
        (
            r"^\s*[^\x00-\x7f]",
            "a key with characters other than letters, digits, _ and - needs quotes",
        ),
        (r"^[^=\[]*$", "a line must be key = value, a [table], or a # comment"),
    )
)
_PLACE = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)")


def explained(message: str, text: str) -> tuple[str, int | None]:
    """tomllib's message with a hint instead of its location, and the line number."""
    lines = text.splitlines() or [""]
    match = _PLACE.search(message)
    if match is None:
        return message, None
    line = int(match.group(1) or len(lines))
    plain = message[: match.start()].strip()
    about = lines[min(line, len(lines)) - 1]
    if match.group(2) and int(match.group(2)) <= 1 and line > 1 and "{" in lines[line - 2]:
        about = lines[line - 2]
    if "overwrite" in plain or "twice" in plain or "declare" in plain:
        return f"{plain}; this key or table appears twice", line
    if "Unclosed array" in plain:
        return f"{plain}; a list needs its closing ]", line
    hints = (hint for pattern, hint in _HINTS if pattern.search(about))
    hint = next(hints, "")
    return f"{plain}; {hint}" if hint else plain, line
