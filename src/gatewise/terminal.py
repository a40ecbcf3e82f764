"""The terminal: control characters in texts are escaped."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console
from rich.text import Text

from gatewise.processes import is_first

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters; tabs and newlines belong to tables
    "\u2028\u2029\u202a-\u202e\u2066-\u2069"  # line separators and writing directions
    "\ud800-\udfff]"  # bytes of file names that are not valid text
)


def printable(text: str) -> str:
    r"""The text with control characters as escapes.

    >>> printable("temperature \x1b[31m")
    'temperature \\x1b[31m'
    """
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Terminal(Console):
    """A console without markup that escapes every text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


console = Terminal(soft_wrap=True, quiet=not is_first())


def duration(seconds: float) -> str:
    """A duration in tables; empty if it is next to nothing.

    >>> duration(0.01), duration(1.26), duration(72.4)
    ('', '1.3 s', '72 s')
    """
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s" if seconds >= 0.05 else ""
