"""Saved models: `model.safetensors` holds the parameters, `model.json` everything else.

Loading executes no code from the files: a cell is saved as its equations.
"""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from gatewise import modules
from gatewise.cells.base import CellType
from gatewise.cells.serialization import from_data, to_data
from gatewise.errors import GatewiseError
from gatewise.files import write_whole
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.quantization import quantize
from gatewise.modules.finite import require_finite_weights
from gatewise.modules.network import Network
from gatewise.modules.option_checks import check_options, describe_first_error
from gatewise.plain import one_line, read_json
from gatewise.tasks.upgrades import FORMAT, OLDEST, upgrade

TASKS = __name__.rpartition(".")[0]  # the package
DTYPES = {
    "F32": torch.float32,
    "F64": torch.float64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "BOOL": torch.bool,
    "U8": torch.uint8,
}
DType = torch.dtype | None  # None if it is none of these
MODEL, REFITTED = "model", "refit"  # the files of the scored model, and of the one trained on all data
REFITTED_FILES = (f"{REFITTED}.json", f"{REFITTED}.safetensors")
UNREADABLE = (
    OSError,
    KeyError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    IndexError,
    RuntimeError,
    MemoryError,
    AssertionError,
    SafetensorError,
)


@dataclass(frozen=True)
class SavedModel:
    """A network with the preprocessing of its data.

    task: the name of the task
    name: the name of the network in comparisons
    network: the trained network
    preprocessing: plain data, as in JSON, which the task interprets
    refitted: the same network trained on all data, for predictions; None if there is none
    missing: the files of the refitted model, if it should have been there and was not
    """

    task: str
    name: str
    network: Network
    preprocessing: Mapping[str, Any]
    refitted: SavedModel | None = None
    missing: tuple[str, ...] = ()

    @property
    def for_use(self) -> SavedModel:
        """The model that has seen most data."""
        return self.refitted or self

    def quantized(self) -> SavedModel:
        """The model with int8 weights in its recurrent layers, for inference; see `gatewise.quantize`.

        Raises: `GatewiseError` if the network has no layer to quantize.
        """
        refitted = None if self.refitted is None else self.refitted.quantized()
        return replace(self, network=quantize(self.network), refitted=refitted)

    def describe_missing(self) -> tuple[str, ...]:
        """A sentence on the files that are missing; none if there are none."""
        if not self.missing:
            return ()
        files, be = " and ".join(self.missing), "is" if len(self.missing) == 1 else "are"
        sentence = (
            f"{files} of the network trained on all data {be} missing: the network that was scored is used "
            "instead; restore these files, or resume the run"
        )
        return (sentence,)


def save_model(folder: str | Path, model: SavedModel) -> None:
    """Writes `model.safetensors` and `model.json` into a folder, each atomically.

    A refitted model is written beside it, as `refit.safetensors` and `refit.json`.

    folder: where to write; it is made if it does not exist
    model: such as the `model_` of a fitted estimator
    """
    folder = Path(folder)
    (folder / f"{REFITTED}.json").unlink(missing_ok=True)  # of an earlier model
    _save(folder, MODEL, model)
    if model.refitted is not None:
        _save(folder, REFITTED, model.refitted)


def _save(folder: Path, name: str, model: SavedModel) -> None:
    state = {name: value.contiguous() for name, value in model.network.state_dict().items()}
    options = {
        name: to_data(value) if isinstance(value, CellType) else value
        for name, value in model.network.options().items()
    }
    description = {
        "format": FORMAT,
        "task": model.task,
        "name": model.name,
        "kind": kind_of(model.network),
        "options": options,
        "preprocessing": dict(model.preprocessing),
        "refitted": model.refitted is not None or bool(model.missing),
    }
    text = json.dumps(description, indent=1)
    write_whole(folder / f"{name}.safetensors", lambda path: save_file(state, path))
    write_whole(folder / f"{name}.json", lambda path: path.write_text(text, "utf-8"))


def load_model(folder: str | Path) -> SavedModel:
    """Loads a model that `save_model` wrote; nothing in the files is executed.

    folder: of a run, or of `save_model`

    Raises: `GatewiseError` if a file is missing, damaged, or of another format.
    """
    folder = Path(folder)
    model, has_refitted = _load(folder, MODEL)
    missing = tuple(name for name in REFITTED_FILES if not (folder / name).is_file())
    if has_refitted and missing:
        return replace(model, missing=missing)
    if REFITTED_FILES[0] in missing:
        return model
    refitted, _ = _load(folder, REFITTED)
    if (refitted.task, refitted.name) != (model.task, model.name):
        raise GatewiseError(
            f"the model in {str(folder)!r} can't be read: refit.json is of {refitted.name}, trained to "
            f"{refitted.task}, and model.json of {model.name}, trained to {model.task}"
        )
    return replace(model, refitted=refitted)


def _load(folder: Path, name: str) -> tuple[SavedModel, bool]:
    """The model of a folder, without a refitted one, and whether there should be one."""
    path, tensors = folder / f"{name}.json", folder / f"{name}.safetensors"
    for file in (path, tensors):
        if not file.is_file():
            raise GatewiseError(
                f"there is no {file.name} in {str(folder)!r}; give the folder of a finished run"
            )
    try:
        described = _description(path)
        options = described.options
        options = {**options, "cell": from_data(options["cell"])} if "cell" in options else options
        kind = find_kind(described.kind)
        check_options(kind, options)
        types = _require_fit(kind, options, tensors)
        network = _with_int8(kind.from_options(options), types)
        network.load_state_dict(load_file(tensors))
    except GatewiseError as error:
        if str(path) in str(error):
            raise
        raise GatewiseError(f"the model in {str(folder)!r} can't be read: {error}") from error
    except UNREADABLE as error:
        raise GatewiseError(f"the model in {str(folder)!r} can't be read: {one_line(error)}") from error
    require_finite_weights(network, f"the model in {str(folder)!r}")
    model = SavedModel(described.task, described.name, network.eval(), described.preprocessing)
    return model, described.refitted


class ModelDescription(BaseModel, strict=True, extra="forbid"):
    """The content of `model.json`."""

    format: int
    task: Annotated[str, Field(max_length=100)]
    name: Annotated[str, Field(max_length=100)]
    kind: Annotated[str, Field(max_length=100)]
    options: dict[str, Any]
    preprocessing: dict[str, Any]
    refitted: bool  # whether there is another model, trained on all data


def _description(path: Path) -> ModelDescription:
    described = read_json(path)
    number = described.get("format") if isinstance(described, dict) else None
    if isinstance(number, int) and number > FORMAT:
        raise GatewiseError(f"{path} is of a later gatewise; upgrade to read it")
    if isinstance(number, int) and number < OLDEST:
        raise GatewiseError(f"{path} is of an earlier gatewise; train it again")
    if isinstance(number, int) and number < FORMAT:
        described = upgrade(described, number)
    try:
        return ModelDescription.model_validate(described)
    except ValidationError as error:
        raise GatewiseError(describe_first_error(error)) from error


def _require_fit(kind: type[Network], options: dict[str, Any], tensors: Path) -> Mapping[str, DType]:
    """Compares names, shapes and types of parameters with those of the options, before allocating memory.

    Returns: the types by name.

    Raises: `GatewiseError` for another type, `RuntimeError` of PyTorch for all else.
    """
    with safe_open(tensors, framework="pt") as file:
        stored = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        types = {name: DTYPES.get(tensor.get_dtype()) for name, tensor in stored.items()}
        shapes = {name: tensor.get_shape() for name, tensor in stored.items()}
    with torch.device("meta"):
        network = _with_int8(kind.from_options(options), types)
        empty = {
            name: torch.empty(shape, dtype=types[name] or torch.float32) for name, shape in shapes.items()
        }
    network.load_state_dict(empty)
    for name, values in network.state_dict().items():
        if types[name] != values.dtype:
            raise GatewiseError(f"expected {name!r} in {tensors.name} as {values.dtype}, got {types[name]}")
    return types


def _with_int8(network: Network, types: Mapping[str, DType]) -> Network:
    """The network with int8 weights in the layers whose stored matrices are int8."""
    for name, layer in network.named_modules():
        if isinstance(layer, Int8Layer):
            first = next(iter(next(iter(layer.parameter_names())).values()))
            if types.get(f"{name}.{first}" if name else first) == torch.int8:
                layer.to_int8()
                network.requires_grad_(False)
    return network


def kind_of(network: Network) -> str:
    """The class of a network with its package, such as `forecast.ForecastNetwork`; "modules" if shared."""
    return _kind(type(network))


def find_kind(kind: str) -> type[Network]:
    """Finds the class that `kind_of` named, in the modules of its task or in `modules`.

    Raises: `ValueError` if there is none.
    """
    package = kind.partition(".")[0]
    if package in {
        module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.ispkg
    }:
        parent = import_module(f"{TASKS}.{package}")
    elif package == "modules":
        parent = modules
    else:
        raise ValueError(f"there is no kind of network {kind!r}")
    for module in pkgutil.iter_modules(parent.__path__, f"{parent.__name__}."):
        for member in vars(import_module(module.name)).values():
            if (
                isinstance(member, type)
                and issubclass(member, Network)
                and _kind(member) == kind
                and _is_complete(member)
            ):
                return member
    raise ValueError(f"there is no kind of network {kind!r}")


def _is_complete(kind: type[Network]) -> bool:
    """Whether a class implements all abstract methods of a network."""
    return not any(getattr(getattr(kind, name, None), "__isabstractmethod__", False) for name in dir(kind))


def _kind(network: type[Network]) -> str:
    package = network.__module__.removeprefix(f"{TASKS}.").removeprefix("gatewise.")
    return f"{package.partition('.')[0]}.{network.__name__}"
