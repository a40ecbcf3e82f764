"""Bodies of requests and responses: JSON, CSV and Arrow IPC, of bounded size."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from gatewise.data.tables.decoding import is_compressed, text_stream
from gatewise.data.tables.delimited import stream_pieces
from gatewise.data.tables.table import BYTES_AT_ONCE, join_pieces
from gatewise.errors import GatewiseError
from gatewise.plain import one_line, parse_json
from gatewise.serving.arrow_schema import has_nested_columns
from gatewise.serving.refusals import RequestError

JSON, CSV = "application/json", "text/csv"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
KINDS = (JSON, CSV, STREAM, FILE)
BODY = Path("body.csv")  # in messages of readers of files
DEEPEST = 10  # lists and objects within each other: no data need more, and polars overflows its stack


TOO_DEEP = f"the body is nested too deep: at most {DEEPEST} lists and objects may be within each other"


class Content(NamedTuple):
    """The data of a request: a table, or a list of arrays or texts. model: its name, if it is in the body"""

    data: Any
    model: str | None = None


def media_type(header: str | None) -> str:
    """The media type of a header, without its parameters."""
    return (header or "").partition(";")[0].strip().lower()


def accepted_kind(accept: str | None, kind: str) -> str:
    """The media type of an answer: the first of the most wanted that there is, or that of the request's body.

    >>> accepted_kind("text/html, application/json;q=0.5, text/csv", JSON)
    'text/csv'
    >>> accepted_kind("*/*", CSV)
    'text/csv'
    """
    wanted = []
    for part in (accept or "").split(","):
        quality = re.search(r";\s*q=([01](\.\d*)?)", part)
        wanted.append((-float(quality[1]) if quality else -1.0, media_type(part)))
    for quality_below, name in sorted(wanted, key=lambda one: one[0]):
        if quality_below and name in (*KINDS, "*/*"):
            return kind if name == "*/*" else name
    return kind


def read_json_body(body: bytes) -> Any:
    """The data of a JSON body. Raises: `RequestError` if it is none, or nested too deep."""
    try:
        data = parse_json(body.decode("utf-8"))
    except ValueError as error:
        raise RequestError(400, f"the body is no JSON: {one_line(error)}") from error
    except RecursionError as error:
        raise RequestError(422, TOO_DEEP) from error
    _require_shallow(data)
    return data


def read_object(body: bytes) -> Mapping[str, Any]:
    """The object of a JSON body; empty if there is none. Raises: `RequestError` if it is something else."""
    data = read_json_body(body) if body else {}
    if not isinstance(data, dict):
        raise RequestError(400, f"expected a JSON object, got {type(data).__name__}")
    return data


def read_content(body: bytes, kind: str, max_rows: int) -> Content:
    """The data of a body of a media type.

    JSON is a list of rows, or an object with "rows", or with "sequences" for arrays and texts.

    Raises: `RequestError` if it is none of these, can't be read, or has too many rows.
    """
    if kind not in KINDS:
        raise RequestError(415, f"expected a content type among {', '.join(KINDS)}, got {kind!r}")
    content = _json_content(body) if kind == JSON else Content(_table(body, kind, max_rows + 1))
    count = len(content.data)
    if isinstance(content.data, list):
        count = sum(len(one) if isinstance(one, list | str) else 1 for one in content.data)
    if count > max_rows:
        raise RequestError(413, f"the body has more than {max_rows:,} rows, which is the limit")
    if not len(content.data):
        raise RequestError(422, "the body has no rows")
    return content


def write_table(frame: pl.DataFrame, kind: str) -> bytes:
    """A table as a body of a media type other than JSON."""
    buffer = io.BytesIO()
    if kind == CSV:
        frame.write_csv(buffer)
    elif kind == FILE:
        frame.write_ipc(buffer)
    else:
        frame.write_ipc_stream(buffer)
    return buffer.getvalue()


def plain_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table as plain data, times as in ISO 8601."""
    rows: list[dict[str, Any]] = json.loads(frame.write_json())
    return rows


def plain(value: Any) -> Any:
    """An answer as plain data."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _require_shallow(data: Any) -> None:
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for own in inner for one in own if isinstance(one, dict | list)]
    if level:
        raise RequestError(422, TOO_DEEP)


def _json_content(body: bytes) -> Content:
    data, model = read_json_body(body), None
    if isinstance(data, dict):
        given, model = data, data.get("model")
        if "sequences" in given and isinstance(given["sequences"], list):
            return Content(given["sequences"], model)
        data = given.get("rows")
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise RequestError(422, 'expected a list of rows, or an object with "rows" or "sequences"')
    try:
        return Content(pl.DataFrame(data, infer_schema_length=None), model)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
        raise RequestError(422, f"the rows are no table: {one_line(error)}") from error


def _table(body: bytes, kind: str, most: int) -> pl.DataFrame:
    """The first rows of a table."""
    try:
        if kind == CSV:
            return _csv(body, most)
        if has_nested_columns(body, is_file=kind == FILE):
            raise ValueError(
                "it has columns of lists or objects; expected columns of numbers, texts and times"
            )
        read = pl.read_ipc if kind == FILE else pl.read_ipc_stream
        return read(io.BytesIO(body), n_rows=most)
    except (Exception, pl.exceptions.PanicException) as error:  # the latter is none of the former
        raise RequestError(422, f"the body can't be read as {kind}: {one_line(error)}") from error


def _csv(body: bytes, most: int) -> pl.DataFrame:
    """The first rows of a CSV as texts, read as one in a file: with any separator, and comments."""
    if is_compressed(body):
        raise ValueError("it is compressed; send the text itself")
    try:
        pieces, rows = [], 0
        for piece in stream_pieces(BODY, text_stream(BODY, io.BytesIO(body)), BYTES_AT_ONCE):
            pieces.append(piece)
            rows += piece.frame.height
            if rows >= most:
                break
        frame = join_pieces(BODY, pieces).frame
    except GatewiseError as error:
        reason = str(error).replace(f"{BODY} can't be read as a table: ", "")
        raise ValueError(reason.replace(str(BODY), "it")) from error
    if not frame.height:
        raise ValueError("it has no rows below its header; give a table with rows")
    return frame
