"""The terminal: names from files are shown, never obeyed."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.text import Text

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls; tabs and newlines are of tables
    "\u2028\u2029\u202a-\u202e\u2066-\u2069"  # lines and directions of writing
    "\ud800-\udfff]"  # bytes of a file's name that are no text
)


def printable(text: str) -> str:
    r"""The text with what would change the terminal written as escapes.

    >>> printable("temperature \x1b[31m")
    'temperature \\x1b[31m'
    """
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Terminal(Console):
    """A console without markup that escapes every text that it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)
