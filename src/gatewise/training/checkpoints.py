"""Checkpoints: written atomically, and read without executing or trusting their content."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, Field, ValidationError
from pytorch_lightning.plugins.io import TorchCheckpointIO

from gatewise.errors import GatewiseError
from gatewise.files import write_whole

LONGEST = 200  # characters of a reason


class Loops(BaseModel, extra="allow"):
    """The state of Lightning's loops."""

    fit_loop: dict[str, Any]


class Contents(BaseModel, extra="allow", arbitrary_types_allowed=True, strict=True):
    """The required content of a checkpoint: Lightning silently starts again if some of it is missing."""

    epoch: Annotated[int, Field(ge=0)]
    global_step: Annotated[int, Field(ge=0)]
    state_dict: Annotated[dict[str, torch.Tensor], Field(min_length=1)]
    loops: Loops
    callbacks: dict[str, Any]
    optimizer_states: Annotated[list[dict[str, Any]], Field(min_length=1)]
    lr_schedulers: Annotated[list[dict[str, Any]], Field(min_length=1)]


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically, however a run ends."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()  # PyTorch's own file writer reports a full disk as a failed assertion
        torch.save(checkpoint, buffer)
        write_whole(Path(path), lambda partial: partial.write_bytes(buffer.getbuffer()))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: numbers, strings, lists, dicts and tensors. Nothing in it is executed.

    Raises: `GatewiseError` if it is missing or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # compares checksums, which PyTorch does not
        if broken is not None:
            raise damaged(path, f"{broken} has another checksum")
        checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    except (GatewiseError, MemoryError):
        raise
    except FileNotFoundError as error:
        raise damaged(path, "it is missing") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(path, error) from error
    except Exception as error:
        raise damaged(path, error) from error
    try:
        Contents.model_validate(checkpoint)
    except ValidationError as error:
        first = error.errors()[0]
        raise damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}") from error
    return checkpoint


def damaged(path: Path, reason: object) -> GatewiseError:
    """The error for a checkpoint that can't be used, in one line."""
    text = " ".join(str(reason).split())[:LONGEST] or type(reason).__name__
    return GatewiseError(
        f"the checkpoint {path} is damaged ({text}); remove {path.parent} to train from the beginning"
    )
