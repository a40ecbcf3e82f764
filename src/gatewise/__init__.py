"""Recurrent networks: the LSTM family, from a cell's equations to a trained model.

Estimators (`Forecaster`, `AnomalyDetector`, `Classifier`, `Regressor`, `Labeler`, `Transcriber`,
`TextGenerator`, `VectorGenerator`, `Translator`, `Captioner`) fit a model to data; `compare` ranks cells and
baselines, `tune` searches for options, `load` reads a saved model, `resume` continues a run, `serve`
answers requests over HTTP, `look` describes a table. Layers (`LSTM`, `GRU`, `RNN`, `Recurrent`, `MDLSTM`,
`GridLSTM`, `Lattice`) and single steps (`LSTMCell`, `RecurrentCell`) are PyTorch modules, and so are stacks
of residual blocks (`xLSTM`, `Griffin`, `RecurrentBlock` with any cell); `quantize` gives them int8 weights.
`cells` has the equations, `draw` draws a step of a cell, and `insight` has the gates and gradients of a
trained module.

>>> import torch, gatewise
>>> output, (h, c) = gatewise.LSTM(input_size=5, hidden_size=8)(torch.randn(10, 3, 5))
>>> output.shape
torch.Size([10, 3, 8])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gatewise.notebook import register

if TYPE_CHECKING:
    from gatewise import cells, insight
    from gatewise.cells import Cell
    from gatewise.diagrams import draw
    from gatewise.engine.choice import backend
    from gatewise.engine.subnormal import flush_subnormals
    from gatewise.errors import GatewiseError
    from gatewise.estimators.batches import predict_in_batches
    from gatewise.estimators.compare import compare
    from gatewise.estimators.loading import load
    from gatewise.estimators.looking import look
    from gatewise.estimators.resuming import resume
    from gatewise.estimators.tune import tune
    from gatewise.layers import (
        GRU,
        LSTM,
        MDGRU,
        MDLSTM,
        MDRNN,
        RNN,
        BlockStack,
        GridLSTM,
        Griffin,
        GRUCell,
        Lattice,
        LSTMCell,
        Recurrent,
        RecurrentBlock,
        RecurrentCell,
        RNNCell,
        detach,
        quantize,
        xLSTM,
    )
    from gatewise.serving.run import serve
    from gatewise.tasks.serialization import load_model, save_model

    __all__ = [
        "GRU",
        "LSTM",
        "MDGRU",
        "MDLSTM",
        "MDRNN",
        "RNN",
        "BlockStack",
        "Cell",
        "GRUCell",
        "GatewiseError",
        "GridLSTM",
        "Griffin",
        "LSTMCell",
        "Lattice",
        "RNNCell",
        "Recurrent",
        "RecurrentBlock",
        "RecurrentCell",
        "backend",
        "cells",
        "compare",
        "detach",
        "draw",
        "flush_subnormals",
        "insight",
        "load",
        "load_model",
        "look",
        "predict_in_batches",
        "quantize",
        "resume",
        "save_model",
        "serve",
        "tune",
        "xLSTM",
    ]

__version__ = "0.1.0"

register()

_PACKAGES = ("cells", "insight")
_HOMES = {
    "RecurrentCell": "gatewise.layers",
    "RNNCell": "gatewise.layers",
    "LSTMCell": "gatewise.layers",
    "GRUCell": "gatewise.layers",
    "Cell": "gatewise.cells",
    "GRU": "gatewise.layers",
    "GatewiseError": "gatewise.errors",
    "LSTM": "gatewise.layers",
    "GridLSTM": "gatewise.layers",
    "Lattice": "gatewise.layers",
    "MDGRU": "gatewise.layers",
    "MDLSTM": "gatewise.layers",
    "MDRNN": "gatewise.layers",
    "RNN": "gatewise.layers",
    "Recurrent": "gatewise.layers",
    "RecurrentBlock": "gatewise.layers",
    "BlockStack": "gatewise.layers",
    "Griffin": "gatewise.layers",
    "xLSTM": "gatewise.layers",
    "backend": "gatewise.engine.choice",
    "detach": "gatewise.layers",
    "draw": "gatewise.diagrams",
    "quantize": "gatewise.layers",
    "flush_subnormals": "gatewise.engine.subnormal",
    "compare": "gatewise.estimators.compare",
    "tune": "gatewise.estimators.tune",
    "load": "gatewise.estimators.loading",
    "look": "gatewise.estimators.looking",
    "predict_in_batches": "gatewise.estimators.batches",
    "load_model": "gatewise.tasks.serialization",
    "resume": "gatewise.estimators.resuming",
    "save_model": "gatewise.tasks.serialization",
    "serve": "gatewise.serving.run",
}


def __getattr__(name: str) -> Any:
    """Loads a name when it is first used, so that `gatewise --help` need not wait for PyTorch."""
    if name == "__all__":  # of `from gatewise import *`: with the estimators, which are discovered
        return sorted([*_HOMES, *_PACKAGES, *_estimators()])
    try:
        if name in _PACKAGES:
            return import_module(f"gatewise.{name}")
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        if name in _estimators():
            return import_module("gatewise.estimators").find_estimator(name)
    except ModuleNotFoundError as error:
        raise _missing(name, error) from error
    raise AttributeError(f"module 'gatewise' has no attribute {name!r}")


def _missing(name: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The error of a name that needs a library which is not installed."""
    library = str(error.name).partition(".")[0]
    if library == "gatewise":
        return error
    advice = "`pip install gatewise` installs what it needs; layers and cells need torch and numpy alone"
    return ModuleNotFoundError(
        f"gatewise.{name} needs {library}, which is not installed; {advice}", name=error.name
    )


def _estimators() -> list[str]:
    """The names of the estimators, each from its task's folder."""
    return list(import_module("gatewise.tasks").estimator_names())


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
