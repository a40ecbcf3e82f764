"""Names of columns: several in one text, and a few of possibly many in messages and notes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

MAX_NAMED = 3


def name_some(names: Sequence[str]) -> str:
    """The first three of some names, and how many more there are.

    >>> name_some(["a", "b", "c", "d"])
    "'a', 'b', 'c' and 1 more"
    """
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(map(repr, names[:MAX_NAMED])) + more


def join_names(names: Iterable[str], separator: str = ",") -> str:
    """Names in one text, as `split_names` reads it: in quotation marks where they contain the separator.

    >>> join_names(["sold", "price, net"])
    'sold,"price, net"'
    """

    def quoted(name: str) -> str:
        needs = separator in name or name.startswith('"')
        return '"' + name.replace('"', '""') + '"' if needs else name

    return separator.join(map(quoted, names))


def split_names(text: str, separator: str = ",") -> tuple[str, ...]:
    """The names in a text, as in a row of a CSV file, without spaces around them.

    >>> split_names('sold, "price, net"'), split_names("5 inch\\n(12.7 cm)")
    (('sold', 'price, net'), ('5 inch\\n(12.7 cm)',))
    """
    if separator not in text and '"' not in text:
        return (text.strip(),)
    rows = csv.reader([text], delimiter=separator, skipinitialspace=True)
    return tuple(name.strip() for row in rows for name in row)
