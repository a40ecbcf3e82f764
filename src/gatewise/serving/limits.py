"""How much one request may have computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewise.serving.refusals import RequestError


def require_limits(given: Mapping[str, Any], most: int) -> None:
    """Raises: `RequestError` if what a request to generate names is longer than `most`."""
    length, count, prime = given.get("length", 0), given.get("count", 1), given.get("prime", "")
    for name, number in (("length", length), ("count", count)):
        if type(number) is not int:
            raise RequestError(422, f"expected the {name} as a whole number, got {str(number)[:80]!r}")
    if max(length, 1) * count > most:
        raise RequestError(
            422, f"expected a length (times the count) of at most {most:,}, got {max(length, 1) * count:,}"
        )
    if isinstance(prime, str) and len(prime) > most:
        raise RequestError(413, f"the prime has {len(prime):,} characters; at most {most:,} are read")


def require_size(observation: Any, most: int) -> None:
    """Raises: `RequestError` if a stream would read more than `most` characters or rows at once."""
    if (count := _size(observation)) > most:
        raise RequestError(
            413, f"the observation has {count:,} characters or rows; at most {most:,} are read at once"
        )


def _size(observation: Any) -> int:
    """The number of characters of a text, or of rows, which are read one after another."""
    if isinstance(observation, str):
        return len(observation)
    if isinstance(observation, dict):
        return max([1, *(len(one) for one in observation.values() if isinstance(one, str))])
    if isinstance(observation, list):
        return sum(_size(one) for one in observation if isinstance(one, dict))
    return 1
