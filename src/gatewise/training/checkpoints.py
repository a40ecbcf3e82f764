"""Checkpoints: written whole or not at all, and read without executing or believing anything."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from gatewise.errors import GatewiseError
from gatewise.files import write_whole

LONGEST = 200  # characters of a reason


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are there whole or not at all, however a run ends."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()  # PyTorch's own writer of files reports a full disk as a failed assertion
        torch.save(checkpoint, buffer)
        write_whole(Path(path), lambda partial: partial.write_bytes(buffer.getbuffer()))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: numbers, strings, lists, dicts and tensors. Nothing in it is executed.

    Errors: `GatewiseError` where it is missing, or not as it was written.
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
    if not isinstance(checkpoint, dict):
        raise damaged(path, f"it holds a {type(checkpoint).__name__}")
    return checkpoint


def damaged(path: Path, reason: object) -> GatewiseError:
    """The error for a checkpoint that can't be used, in one line."""
    told = " ".join(str(reason).split())[:LONGEST] or type(reason).__name__
    return GatewiseError(
        f"the checkpoint {path} is damaged ({told}); remove {path.parent} to train from the beginning"
    )
