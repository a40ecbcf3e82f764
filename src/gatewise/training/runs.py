"""The folder of a run: its options, data and cells, so that it can be resumed and used later."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import find_cell
from gatewise.cells.serialization import from_data, to_data
from gatewise.data.fingerprint import fingerprint
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.plain import read_bounded, read_json
from gatewise.tasks.base import AnyTask
from gatewise.tasks.config import read_yaml, resolve, to_yaml
from gatewise.tasks.options import CompareOptions, TaskOptions, TrainOptions, verb_options
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.training.lock import LOCK, locked

OWN_DATA = "fitted-data"  # in the folder of a run on data in memory
CLASSES = "classes.json"  # the labels of data in memory, in the types that the user gave
GRADIENT = "gradient.csv"  # in the folder of a training that recorded its gradient
REFIT = "refit"  # in the folder of a run: the files of the training on all data
START = "start"  # in the folder of a run that trains a model further: that model
LARGEST, LONGEST = 16 * 2**20, 200  # bytes of a run.json, characters of an error

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]  # also of a folder


def _file_name(value: Any) -> str:
    """A path, which may contain bytes that are not valid text and that pydantic rejects."""
    if not isinstance(value, str) or not value or len(value) > 4096 or "\0" in value:
        raise ValueError("it should be the path of a file or folder")
    return value


class RunDescription(BaseModel, extra="forbid"):
    """The content of `run.json`; the names of the cells become folders."""

    verb: str
    task: str
    data: Annotated[Any, AfterValidator(_file_name)]
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    cells: Annotated[dict[Name, dict[str, Any]], Field(min_length=1, max_length=1000)]


class SavedResult(BaseModel, extra="forbid", allow_inf_nan=False, strict=True):
    """The content of `result.json` of a finished training.

    cost: of the selection metric on the validation set, before the last fit; None if it was not computed
    learning_rates: of each epoch up to the best one; None if they were not recorded
    """

    validation_loss: float
    epochs: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]
    cost: float | None = None
    learning_rates: Annotated[list[float], Field(min_length=1)] | None = None


class Start(NamedTuple):
    """A model that is trained further, and the options of its training."""

    model: SavedModel
    options: TrainOptions


@dataclass(frozen=True)
class Run:
    """A folder with `config.yaml` (the options) and `run.json` (verb, task, data, the cells' equations)."""

    verb: str
    task: AnyTask
    folder: Path
    data: Path
    options: TaskOptions
    cells: dict[str, CellType]
    classes: tuple[Any, ...] = ()  # the distinct labels of data in memory
    start: Start | None = None  # of further training


def gradients(run: Run) -> dict[str, Path]:
    """The recorded gradients by the names of the cells, of the first training of each."""
    folders = {name: run.folder if run.verb == "train" else training(run, name, 0) for name in run.cells}
    return {name: one / GRADIENT for name, one in folders.items() if (one / GRADIENT).is_file()}


def training(run: Run, name: str, seed: int) -> Path:
    """The folder of one of several trainings."""
    return run.folder / "trainings" / f"{name}-{seed}"


def begin(
    verb: str,
    task: AnyTask,
    data: Path,
    options: TaskOptions,
    folder: Path,
    config: Path | None = None,
    start: Start | None = None,
) -> Run:
    """Creates a new run; nothing is written before `write`.

    config: the file that names the cells, None if the user does; no Python file that it names is executed,
        but the run beside it may contain the equations of the cell
    start: a model that is trained further, with its own cell; None to train a new one

    Raises: `GatewiseError` if the folder is not empty, a cell is unknown or does not fit the network, or an
        option belongs to another network.
    """
    if isinstance(options, CompareOptions) and not options.cells:
        options = options.model_copy(update={"cells": task.cells(options)})
    assert isinstance(options, TrainOptions | CompareOptions)
    if start is not None and isinstance(options, TrainOptions):
        _require_free(folder)
        return Run(verb, task, folder, data, options, _cells_of(start), start=start)
    if isinstance(options, TrainOptions) and options.freeze:
        raise GatewiseError("--freeze keeps parameters of a trained model: give it with --from RUN")
    cells: dict[str, CellType] = {}
    for name in options.candidates:
        cell = find_cell(name) if config is None or not _of_file(name) else _stored(name, config)
        task.check(options, cell)
        short = task.display_name(options, cell.__name__ if _of_file(name) else name.lower())
        if short in cells:
            raise GatewiseError(f"two of the cells are called {short!r}; name each once")
        cells[short] = cell
    _require_free(folder)
    return Run(verb, task, folder, data, options, cells)


def cell_of(model: SavedModel, options: TrainOptions) -> CellType:
    """The cell of a trained network, by its stored equations: no Python file is executed."""
    cell: CellType | None = model.network.options().get("cell")
    return find_cell(options.cell) if cell is None else cell


def _cells_of(start: Start) -> dict[str, CellType]:
    return {start.model.name: cell_of(start.model, start.options)}


def _require_free(folder: Path) -> None:
    if folder.exists() and not _is_free(folder):
        raise GatewiseError(
            f"{str(folder)!r} is not empty; give another --out, or continue the run with --resume {folder}"
        )


def folder_names(verb: str, data: Path) -> Iterator[Path]:
    """The folders under `runs` for new runs of a verb on the data, in their order."""
    return (Path("runs") / f"{verb}-{data.stem}-{number}" for number in count(1))


@contextmanager
def new_folder(verb: str, data: Path) -> Iterator[Path]:
    """A new folder under `runs`, locked."""
    with ExitStack() as stack:
        for folder in folder_names(verb, data):
            with suppress(FileExistsError):
                stack.enter_context(locked(folder, new=True))
                break
        yield folder


def write(run: Run) -> None:
    """Makes the run's folder with all that is needed to resume it; `run.json` is written last."""
    description = {
        "verb": run.verb,
        "task": run.task.name,
        "data": str(run.data.resolve()),
        "sha256": fingerprint(run.data),
        "cells": {name: to_data(cell) for name, cell in run.cells.items()},
    }
    options, described = to_yaml(run.options), json.dumps(description, indent=1)
    try:
        write_whole(run.folder / "config.yaml", lambda path: path.write_text(options, encoding="utf-8"))
        write_classes(run.folder, run.classes)
        if run.start is not None:
            _write_start(run.folder / START, run.start)
        write_whole(run.folder / "run.json", lambda path: path.write_text(described, encoding="utf-8"))
    except BaseException:
        discard(run)
        raise


def write_classes(folder: Path, classes: Sequence[Any]) -> None:
    """Writes the labels of data in memory into a folder; without labels, the folder has no such file."""
    if not classes:
        (folder / CLASSES).unlink(missing_ok=True)
        return
    text = json.dumps(list(classes), default=str)
    write_whole(folder / CLASSES, lambda path: path.write_text(text, encoding="utf-8"))


def read_classes(folder: Path) -> tuple[Any, ...]:
    """The labels that `write_classes` wrote; none if the folder has no such file."""
    path = folder / CLASSES
    if not path.is_file():
        return ()
    found = read_json(path)
    if not isinstance(found, list):
        raise GatewiseError(f"{path}: expected a list of labels, got {type(found).__name__}")
    return tuple(found)


def discard(run: Run) -> None:
    """Removes the files of `write` if nothing was trained, so that the folder can be used again."""
    if not any(run.folder.rglob("*.ckpt")):
        with suppress(OSError):
            for name in ("run.json", "config.yaml", CLASSES):
                (run.folder / name).unlink(missing_ok=True)
            shutil.rmtree(run.folder / START, ignore_errors=True)
            run.folder.rmdir()  # fails if other files are there


def resume(verb: str, task: AnyTask, folder: Path) -> Run:
    """The run of a folder, to resume. Its cells are read from their stored equations, not from a Python file.

    Raises: `GatewiseError` if the folder has no such run, or the data changed since.
    """
    described = read_description(folder)
    _require_inside(folder)
    data, then = Path(described.data), (described.verb, described.task)
    try:
        cells = {name: from_data(cell) for name, cell in described.cells.items()}
    except GatewiseError as error:
        raise GatewiseError(f"{str(folder)!r} has no run to resume: {error}") from error
    if then != (verb, task.name):
        raise GatewiseError(
            f"{str(folder)!r} has a run of '{' '.join(then)}'; resume it with gatewise {' '.join(then)}"
        )
    if not data.exists() or fingerprint(data) != described.sha256:
        raise GatewiseError(f"the data of the run, {data}, are missing or have changed; start a new run")
    options = resolve(verb_options(verb, task.options), folder / "config.yaml", {})
    return Run(verb, task, folder, data, options, cells, read_classes(folder), read_start(folder, task))


def _write_start(folder: Path, start: Start) -> None:
    save_model(folder, start.model)
    text = to_yaml(start.options)
    write_whole(folder / "config.yaml", lambda path: path.write_text(text, encoding="utf-8"))


def read_start(folder: Path, task: AnyTask) -> Start | None:
    """The model that the run in a folder trains further; None if it trains a new one."""
    start = folder / START
    if not start.is_dir():
        return None
    options = resolve(verb_options("train", task.options), start / "config.yaml", {})
    assert isinstance(options, TrainOptions)
    return Start(load_model(start), options)


def read_description(folder: Path) -> RunDescription:
    """Reads `run.json`. Raises: `GatewiseError` if it is missing or invalid."""
    return _read(folder / "run.json", RunDescription, f"{str(folder)!r} has no run to resume")


def read_result(path: Path) -> SavedResult:
    """Reads `result.json`. Raises: `GatewiseError` if it is invalid."""
    return _read(path, SavedResult, f"{path} is damaged; remove it to continue the training")


Kind = TypeVar("Kind", bound=BaseModel)


def _read(path: Path, kind: type[Kind], problem: str) -> Kind:
    try:
        text = read_bounded(path, LARGEST)
        if text is None:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        return kind.model_validate(json.loads(text))
    except OSError as error:
        raise GatewiseError(f"{problem} ({path.name}: {error.strerror})") from error
    except RecursionError as error:
        raise GatewiseError(f"{problem} ({path.name} is nested too deeply)") from error
    except ValidationError as error:
        first = error.errors()[0]
        reason = " ".join(f"{': '.join(map(str, first['loc']))}: {first['msg'].lower()}".split())
        raise GatewiseError(f"{problem} ({path.name}: {reason[:LONGEST]})") from error
    except ValueError as error:
        raise GatewiseError(f"{problem} ({path.name} is not JSON: {error})") from error


def _require_inside(folder: Path) -> None:
    """Raises: `GatewiseError` if a link in a run's folder leads out of it."""
    home = folder.resolve()
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                raise GatewiseError(f"{path} is a link that leads out of the run's folder; remove it")


def _is_free(folder: Path) -> bool:
    """Whether a folder is empty, except for files of a start that was killed before `run.json`."""
    if not folder.is_dir():
        return False
    names = {one.name for one in folder.iterdir()} - {LOCK, OWN_DATA, CLASSES, START}
    return not names or (names == {"config.yaml"} and _is_whole(folder / "config.yaml"))


def _is_whole(config: Path) -> bool:
    """Whether a file has every option of a training, as `write` writes them."""
    try:
        return set(TaskOptions.model_fields) <= set(read_yaml(config))
    except GatewiseError:
        return False


def _of_file(name: str) -> bool:
    return ":" in name or name.endswith(".py")


def _stored(name: str, config: Path) -> CellType:
    """The cell of a Python file that a file of options names, from the run beside the file."""
    short = name.rpartition(":")[2]
    if (config.parent / "run.json").is_file():
        for data in read_description(config.parent).cells.values():
            cell = from_data(data)
            if cell.__name__ == short:
                return cell
    raise GatewiseError(
        f"{config} names the cell {name!r}, but a file of options must not execute Python files; "
        f"if you trust that file, give --cell {name}"
    )
