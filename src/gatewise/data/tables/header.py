"""Checks of the header of a table, and recognition of tables without one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import polars as pl

from gatewise.data.tables.dialect import Dialect
from gatewise.data.times.clock import split_offsets
from gatewise.data.times.formats import matching_formats, may_be_time, whole_date_format
from gatewise.errors import GatewiseError

VALUE = re.compile(r"[-+]?\d[\d.:/ TZ+-]*")
YEAR = re.compile(r"\d{4}")
YEARS = (1500, 2200)  # whole numbers that may be years, and so the names of columns
MAX_CELLS = 100  # of a row, that are looked at
MAX_NAMES, MAX_CHARACTERS = 3, 30  # of a first row, in a note
MOST_OTHERS = 2  # names that are no numbers, beside values


def check_header(path: Path, names: Sequence[str], is_text: bool, dialect: Dialect | None = None) -> None:
    """Checks the names of a file's columns.

    dialect: of the table; None if the user can't give one

    Raises: `GatewiseError` if there are none, all of them are values, or one occurs twice.
    """
    if not names:
        raise GatewiseError(f"{path} has no columns; give a table with column names in its first line")
    is_unclear = is_text and (dialect is None or dialect.header is None)
    if is_unclear and all(VALUE.fullmatch(name.strip()) for name in names):
        if dialect is None:
            remedy = "add a header"
        else:
            steps = ", with --time none if they are one step apart" if len(names) == 1 else ""
            remedy = f"--no-header calls the columns 1, 2 and so on{steps}; --header takes these as names"
        raise GatewiseError(f"{path} begins with values, not with column names; {remedy}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        may_be_data = (
            is_unclear and dialect is not None and (_number(twice) is not None or are_odd_numbers(names))
        )
        remedy = ", or give --no-header if the first row is data" if may_be_data else ""
        raise GatewiseError(f"{path} has two columns called {twice!r}; rename one{remedy}")


def is_row_of_values(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether the first row of a table certainly has values, not the names of its columns.

    It does if a time is above another time, if all cells are times or numbers, both of them, or if all are
    numbers that name no columns: some have decimals or a sign, or are equal, and they neither ascend nor are
    years.

    >>> is_row_of_values(["2024-01-01", "a", "5"], ["2024-01-02", "b", "6"])
    True
    >>> is_row_of_values(["5.1", "3.5", "1.4"], ["4.9", "3.0", "1.4"])
    True
    >>> is_row_of_values(["series", "2024-01", "2024-02"], ["a", "3", "4"])  # times as names
    False
    >>> is_row_of_values(["0", "1", "2"], ["5", "3", "1"])  # numbers as names
    False
    """
    if not first or len(first) > MAX_CELLS:
        return False
    if any(is_time(one) and is_time(other) for one, other in zip(first, second, strict=False)):
        return True
    numbers = [_number(cell) for cell in first]
    others = [cell for cell, number in zip(first, numbers, strict=True) if number is None]
    if others:  # years of four digits, since 5.1.1 may be the second column 5.1 of pandas
        return len(others) < len(first) and all(is_time(cell) and YEAR.search(cell) for cell in others)
    return _name_no_columns([number for number in numbers if number is not None])


def describe_header(
    names: Sequence[str], dialect: Dialect, has_header: bool, is_text: bool
) -> tuple[str, ...]:
    """Notes on a missing header, and on a header that may be a row of values.

    has_header: whether the first row was read as names; is_text: whether the file does not mark names as such
    """
    missing = describe_missing_header(has_header, dialect)
    return (*missing, *(describe_names(names, dialect) if has_header and is_text else ()))


def describe_missing_header(has_header: bool, dialect: Dialect) -> tuple[str, ...]:
    """A note on a table that was found to have no names of columns, or has some in any case."""
    if has_header and dialect.header is False:
        return ("the table has the names of its columns: --no-header has no effect",)
    if has_header or dialect.header is False:
        return ()
    return ("the first row has values: the columns are called 1, 2 and so on (--header takes it as names)",)


def describe_names(names: Sequence[str], dialect: Dialect) -> tuple[str, ...]:
    """A note on names of columns that may be values of a table without a header.

    >>> describe_names(["a", "5.2"], Dialect())
    ("the name '5.2' of a column may be a value; --no-header reads the first row as values",)
    >>> describe_names(["a", "5", "3"], Dialect())
    ("the first row, 'a', '5', '3', is read as the names of the columns; --no-header reads it as data",)
    """
    if dialect.header is not None:
        return ()
    numbers = ((name, _number(name)) for name in names)
    odd = [name for name, number in numbers if number is not None and number != round(number)]
    if odd:
        return (f"the name {odd[0]!r} of a column may be a value; --no-header reads the first row as values",)
    if not are_odd_numbers(names):
        return ()
    first = ", ".join(repr(name[:MAX_CHARACTERS]) for name in names[:MAX_NAMES])
    more = ", ..." if len(names) > MAX_NAMES else ""
    return (
        f"the first row, {first}{more}, is read as the names of the columns; --no-header reads it as data",
    )


def are_odd_numbers(names: Sequence[str]) -> bool:
    """Whether all names but one or two are whole numbers that hardly name columns.

    Consecutive numbers from 0 or 1, consecutive years, and ascending dates of digits do.

    >>> are_odd_numbers(["id", "1000", "1037"]), are_odd_numbers(["A", "0", "100"])
    (True, True)
    >>> are_odd_numbers(["id", "1", "2", "3"]), are_odd_numbers(["1960", "1961"]), are_odd_numbers(["a", "b"])
    (False, False, False)
    """
    whole = [(name, number) for name in names if (number := _number(name)) is not None]
    numbers = [number for _, number in whole]
    if not numbers or len(names) - len(numbers) > MOST_OTHERS or any(one != round(one) for one in numbers):
        return False
    are_consecutive = all(other == one + 1 for one, other in pairwise(numbers))
    are_years = YEARS[0] <= numbers[0] and numbers[-1] <= YEARS[1]
    if are_consecutive and (numbers[0] in (0, 1) or are_years):
        return False
    ascend = all(one < other for one, other in pairwise(numbers))
    return not ascend or whole_date_format(pl.Series([name.strip() for name, _ in whole])) is None


def is_time(cell: str) -> bool:
    """Whether a text is a time with more than digits.

    >>> [is_time(cell) for cell in ("2024-01-31", "1965Q1", "31.1.2024 07:00", "1/31/24", "1965", "1.5")]
    [True, True, True, True, False, False]
    """
    return bool(times_among([cell]))


def times_among(cells: Sequence[str]) -> list[str]:
    """The texts that are times with more than digits, in the formats of the first or the longest one.

    >>> times_among(["shop", "1998 Q1", "1998 Q2", "2000"])
    ['1998 Q1', '1998 Q2']
    """
    likely = [cell for cell in cells if _number(cell) is None and may_be_time(cell)]
    if not likely:
        return []
    text, _ = split_offsets(pl.Series(likely).str.strip_chars())
    matches = [times.is_not_null().to_list() for _, times in matching_formats(text)]
    return [cell for cell, *found in zip(likely, *matches, strict=True) if any(found)]


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _name_no_columns(numbers: list[float]) -> bool:
    """Whether numbers can't be the names of columns, such as 0, 1, 2 or 1960, 1961."""
    are_whole = all(number == round(number) for number in numbers)
    if len(numbers) == 1:
        return not are_whole or numbers[0] < 0
    ascend = all(one < other for one, other in pairwise(numbers))
    are_years = are_whole and all(YEARS[0] <= number <= YEARS[1] for number in numbers)
    are_odd = not are_whole or min(numbers) < 0 or len(set(numbers)) < len(numbers)
    return are_odd and not ascend and not are_years
