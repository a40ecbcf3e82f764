"""Checks of the header of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gatewise.errors import GatewiseError

VALUE = re.compile(r"[-+]?\d[\d.:/ TZ+-]*")


def check_header(path: Path, names: Sequence[str], is_text: bool) -> None:
    """Checks the names of a file's columns.

    Raises: `GatewiseError` if there are none, one occurs twice, or all of them are values.
    """
    if not names:
        raise GatewiseError(f"{path} has no columns")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise GatewiseError(f"{path} has two columns called {twice!r}; rename one")
    if is_text and all(VALUE.fullmatch(name.strip()) for name in names):
        raise GatewiseError(f"{path} begins with values, not with column names; add a header")
