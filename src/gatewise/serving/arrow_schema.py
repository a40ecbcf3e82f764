"""The schema of Arrow IPC, before it is read: nested columns overflow the stack of what reads them."""

from __future__ import annotations

from struct import error as OutOfBounds
from struct import unpack_from

MESSAGE_HEADER, FOOTER_SCHEMA, SCHEMA_FIELDS, FIELD_CHILDREN = 2, 1, 1, 5  # numbers of the tables' fields


def has_nested_columns(body: bytes, is_file: bool) -> bool:
    """Whether a column has others within it, such as lists. Raises: `ValueError` if there is no schema."""
    try:
        if is_file:
            (size,) = unpack_from("<i", body, len(body) - 10)
            begin, schema = len(body) - 10 - size, FOOTER_SCHEMA
        else:
            begin, schema = 8 if body[:4] == b"\xff" * 4 else 4, MESSAGE_HEADER
        fields = _elements(body, _followed(body, _root(body, begin), schema), SCHEMA_FIELDS)
        return any(_elements(body, field, FIELD_CHILDREN) for field in fields)
    except OutOfBounds as error:
        raise ValueError("it has no schema") from error


def _root(body: bytes, at: int) -> int:
    """The place of what an offset leads to."""
    (offset,) = unpack_from("<I", body, at)
    return at + int(offset)


def _field(body: bytes, table: int, number: int) -> int | None:
    """The place of a field of a table of flatbuffers; None if it is left out."""
    (back,) = unpack_from("<i", body, table)
    (size,) = unpack_from("<H", body, table - back)
    if 4 + 2 * number >= size:
        return None
    (offset,) = unpack_from("<H", body, table - back + 4 + 2 * number)
    return table + int(offset) if offset else None


def _followed(body: bytes, table: int, number: int) -> int:
    """The table that a field of a table leads to."""
    place = _field(body, table, number)
    if place is None:
        raise ValueError("it has no schema")
    return _root(body, place)


def _elements(body: bytes, table: int, number: int) -> list[int]:
    """The tables in a vector that is a field of a table."""
    place = _field(body, table, number)
    if place is None:
        return []
    vector = _root(body, place)
    (count,) = unpack_from("<I", body, vector)
    if count > len(body) // 4:
        raise ValueError("it has no schema")
    return [_root(body, vector + 4 + 4 * one) for one in range(count)]
