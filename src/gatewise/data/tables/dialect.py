"""How a table is written: its header, its empty cells and its encoding."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from gatewise.errors import GatewiseError


@dataclass(frozen=True)
class Dialect:
    """How a table is written, as far as its file does not show it.

    header: whether the first row has the names of the columns; None to find out
    missing: markers of empty cells in columns of numbers, besides the usual ones
    encoding: of a text, such as latin-1; None for UTF-8, or for what a byte order mark names
    """

    header: bool | None = None
    missing: tuple[str, ...] = ()
    encoding: str | None = None

    def resolved(self, has_header: bool) -> Dialect:
        """The dialect with which a model reads new tables: without a header if the first table had none."""
        return self if has_header else replace(self, header=False)

    def require_default(self, path: Path, form: str) -> None:
        """Raises: `GatewiseError` if an option of tables is given for a file of another form."""
        for name, value in asdict(self).items():
            if value != getattr(Dialect, name):
                option = "--no-header" if value is False else f"--{name}"
                raise GatewiseError(f"{path} is {form}, not a table: leave out {option}")


def name_columns(count: int) -> list[str]:
    """The names of the columns of a table without a header.

    >>> name_columns(3)
    ['1', '2', '3']
    """
    return [str(number) for number in range(1, count + 1)]
