"""What the verbs write: where they may, and tables that are harmless to open in a spreadsheet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plots.saving import MARK
from gatewise.tasks.options import read_yaml
from gatewise.training.runs import read_description

FORMULA = r"^[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"  # how a cell begins that spreadsheets may run
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
CALLS = r"[\pL\pN]"  # signs alone do nothing
PAGE = b'<meta name="generator" content="gatewise">'
HEAD = 4096  # bytes of a file in which its mark is
RUN_FILES = ({"run.json", "config.yaml"}, {"model.json", "model.safetensors"})

__all__ = ["MARK", "PAGE", "require_output", "write_table"]


def require_output(
    out: Path,
    kind: str,
    mark: bytes | None = None,
    option: str = "--out",
    run: Path | None = None,
    **inputs: Path | None,
) -> None:
    """Refuses an output in the place of an input, inside a folder that is one, or in the folder of a run.

    Args:
        kind: what is expected, as in "a .csv file"
        mark: given where the user did not name the file: it replaces only a file that begins with this
        run: the run that is read; the data that it was trained on are inputs too
        inputs: what is read, by what it is called

    Raises: `GatewiseError` that names the input.
    """
    read = [(f"the {name}", path) for name, path in inputs.items() if path is not None]
    if run is not None:
        read += [("the run", run), *(("the data of the run", path) for path in _data_of(run))]
    for what, path in read:
        if _touches(out, path):
            where = "outside" if path.is_dir() else "other than"
            raise GatewiseError(
                f"expected {option} as {kind} {where} {what}, {str(path)!r}; got {str(out)!r}"
            )
    for folder in out.resolve().parents:
        if any(all((folder / name).is_file() for name in names) for names in RUN_FILES):
            raise GatewiseError(
                f"expected {option} as {kind} outside the run in {str(folder)!r}, got {str(out)!r}"
            )
    if mark is not None and out.exists() and not _has(out, mark):
        raise GatewiseError(
            f"{str(out)!r} exists and was not written by gatewise: move it, or give another {option}"
        )


def write_table(frame: pl.DataFrame, out: Path, times: str | None = None) -> None:
    """Writes a table as the CSV or Parquet file that `out` is called.

    In a CSV a text that a spreadsheet may run as a formula begins with an apostrophe.
    """
    if out.suffix.lower() != ".csv":
        write_whole(out, frame.write_parquet)
        return
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    frame = frame.with_columns(harmless(frame[name]) for name in texts)
    frame.columns = harmless(pl.Series(frame.columns, dtype=pl.String)).to_list()
    write_whole(out, lambda path: frame.write_csv(path, datetime_format=times))


def harmless(texts: pl.Series) -> pl.Series:
    """Texts that no spreadsheet runs; numbers, and signs alone, are as they were.

    >>> harmless(pl.Series(["=1+A1", "-", "-1.5", "a=b", None])).to_list()
    ["'=1+A1", '-', '-1.5', 'a=b', None]
    """
    runs = texts.str.contains(FORMULA) & ~texts.str.contains(NUMBER) & texts.str.contains(CALLS)
    return texts.zip_with(~runs, "'" + texts)


def _touches(out: Path, given: Path) -> bool:
    """Whether to write `out` would change a file, or anything in a folder, whatever links lead there."""
    places = {out.resolve(), out.parent.resolve() / out.name}  # what a link leads to, and the link
    if any(_is_same(place, given) for place in places):
        return True
    if not given.is_dir():
        return False
    parents = {key for place in places for one in place.parents if (key := _key(one)) is not None}
    own = _key(out)
    for folder, files in _walk(given):
        if _key(folder) in parents:
            return True
        if own is not None and any(_key(one) == own for one in files):
            return True
    return False


def _walk(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder below one, behind links too, with its files."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        key = _key(Path(place))
        if key in seen:
            folders.clear()
            continue
        seen.add(key)
        yield Path(place), [Path(place, name) for name in files]


def _is_same(place: Path, given: Path) -> bool:
    return place == given.resolve() or (_key(place) is not None and _key(place) == _key(given))


def _key(path: Path) -> tuple[int, int] | None:
    """What the system knows a file by, whatever it is called; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _has(path: Path, mark: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return mark in file.read(HEAD)


def _data_of(run: Path) -> list[Path]:
    """The files that a run was trained on: its data, and those that its options name."""
    for folder in (run, *run.resolve().parents[:2]):  # of a run, and of one of the trainings of one
        with suppress(GatewiseError):
            data = Path(read_description(folder).data)
            named = [
                place / text for text in _texts(folder / "config.yaml") for place in (Path(), data.parent)
            ]
            return [data, *(one for one in named if one.is_file())]
    return []


def _texts(config: Path) -> list[str]:
    """The texts among the options of a file."""
    with suppress(GatewiseError):
        values = read_yaml(config).values()
        return [
            text
            for value in values
            for text in (value if isinstance(value, list) else [value])
            if isinstance(text, str) and text
        ]
    return []
