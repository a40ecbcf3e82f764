"""Output files: where they may be written, and tables that are harmless in a spreadsheet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import polars.selectors as cs

from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plots.saving import MARK
from gatewise.tasks.config import read_yaml
from gatewise.training.runs import read_description

FORMULA = r"^[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"  # the start of a cell that spreadsheets may execute
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
CALLS = r"[\pL\pN]"  # punctuation alone is harmless
PAGE = b'<meta name="generator" content="gatewise">'
HEAD = 4096  # bytes of a file that contain its mark
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
    """Refuses an output that would replace an input, or lies inside an input folder or the folder of a run.

    Args:
        kind: a description of the output, as in "a .csv file"
        mark: if given, the output replaces only files that contain it; for files that the user did not name
        run: the run that is read; the data it was trained on are inputs too
        inputs: the paths that are read, by their names

    Raises: `GatewiseError` that names the input.
    """
    protected = [(f"the {name}", path) for name, path in inputs.items() if path is not None]
    if run is not None:
        protected += [("the run", run), *(("the data of the run", path) for path in _data_of(run))]
    for title, path in protected:
        if _touches(out, path):
            where = "outside" if path.is_dir() else "other than"
            raise GatewiseError(
                f"expected {option} as {kind} {where} {title}, {str(path)!r}; got {str(out)!r}"
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
    """Writes a table as CSV or Parquet, by the ending of `out`.

    In a CSV, an apostrophe precedes a text that a spreadsheet may execute as a formula, durations are written
    as in ISO 8601, and lists of texts are joined by semicolons.
    """
    if out.suffix.lower() != ".csv":
        write_whole(out, frame.write_parquet)
        return
    frame = frame.with_columns(cs.duration().dt.to_string("iso"))
    frame = frame.with_columns(cs.by_dtype(pl.List(pl.String)).list.join(";"))
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    frame = frame.with_columns(harmless(frame[name]) for name in texts)
    frame.columns = harmless(pl.Series(frame.columns, dtype=pl.String)).to_list()
    write_whole(out, lambda path: frame.write_csv(path, datetime_format=times))


def harmless(texts: pl.Series) -> pl.Series:
    """Texts that no spreadsheet executes; numbers and punctuation are unchanged.

    >>> harmless(pl.Series(["=1+A1", "-", "-1.5", "a=b", None])).to_list()
    ["'=1+A1", '-', '-1.5', 'a=b', None]
    """
    executable = texts.str.contains(FORMULA) & ~texts.str.contains(NUMBER) & texts.str.contains(CALLS)
    return texts.zip_with(~executable, "'" + texts)


def _touches(out: Path, source: Path) -> bool:
    """Whether writing `out` would change a file, or anything in a folder, links included."""
    paths = {out.resolve(), out.parent.resolve() / out.name}  # the target of a link, and the link
    if any(_is_same(path, source) for path in paths):
        return True
    if not source.is_dir():
        return False
    parents = {key for path in paths for parent in path.parents if (key := _key(parent)) is not None}
    out_key = _key(out)
    for folder, files in _walk(source):
        if _key(folder) in parents:
            return True
        if out_key is not None and any(_key(file) == out_key for file in files):
            return True
    return False


def _walk(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder below one, following links, with its files."""
    visited = set()
    for path, folders, files in os.walk(folder, followlinks=True):
        key = _key(Path(path))
        if key in visited:
            folders.clear()
            continue
        visited.add(key)
        yield Path(path), [Path(path, name) for name in files]


def _is_same(path: Path, source: Path) -> bool:
    return path == source.resolve() or (_key(path) is not None and _key(path) == _key(source))


def _key(path: Path) -> tuple[int, int] | None:
    """The device and inode of a file; None if there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _has(path: Path, mark: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return mark in file.read(HEAD)


def _data_of(run: Path) -> list[Path]:
    """The files that a run was trained on: its data, and the files that its options name."""
    for folder in (run, *run.resolve().parents[:2]):  # a run, or one of the trainings of a run
        with suppress(GatewiseError):
            data = Path(read_description(folder).data)
            option_files = [
                parent / text for text in _texts(folder / "config.yaml") for parent in (Path(), data.parent)
            ]
            return [data, *(file for file in option_files if file.is_file())]
    return []


def _texts(config: Path) -> list[str]:
    """The strings among the options of a file."""
    with suppress(GatewiseError):
        values = read_yaml(config).values()
        return [
            text
            for value in values
            for text in (value if isinstance(value, list) else [value])
            if isinstance(text, str) and text
        ]
    return []
