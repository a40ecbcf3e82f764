"""Reads untrusted files: of bounded size; JSON with finite numbers and unique keys."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from gatewise.errors import GatewiseError

LARGEST = 64 * 2**20  # bytes of a file
LONGEST = 300  # characters of a reason in a message


def read_bounded(path: Path, most: int) -> bytes | None:
    """The content of a file, None if it has more than `most` bytes; it takes memory for the content only."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(size, most) + 1)  # takes memory for all that it may return
    return content if len(content) <= most else None


def read_json(path: Path) -> Any:
    """The data in a file. Raises: `GatewiseError` if it is not valid JSON."""
    raw = read_bounded(path, LARGEST)
    if raw is None:
        raise GatewiseError(f"{path} can't be read: it is larger than {LARGEST >> 20} MiB")
    try:
        return parse_json(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"{path} can't be read: {one_line(error)}") from error


def parse_json(text: str) -> Any:
    """The data in a text.

    Raises: `ValueError` if it is no JSON, has a key twice, or a number that is not finite or of more
    digits than any number needs; `RecursionError` where it is nested too deep.
    """
    return json.loads(
        text, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite, parse_int=_whole
    )


def one_line(error: BaseException) -> str:
    """The message of an error, in one line of bounded length.

    >>> one_line(ValueError("two\\nlines"))
    'two lines'
    """
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(one if one.isprintable() else "?" for one in text)
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the key {double[:LONGEST]!r} twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"expected finite numbers, got {text[:30]}")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"expected whole numbers of at most 20 digits, got {text[:30]} ...")
    return int(text)
