"""States of sequences as bytes: safetensors, with the version and the model they belong to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.plain import one_line, parse_json
from gatewise.shipping.stepwise import Stepwise

FORMAT, VERSION = "gatewise states", 1
LONGEST_HEADER = 64 * 2**20
SIZE = 8  # bytes of the length of the header


class StoredStates(NamedTuple):
    """The states [B, ...] of sequences, with the key and the memory of each."""

    keys: list[str | None]
    memories: list[Any]
    states: list[Tensor]


def model_fingerprint(step: Stepwise) -> str:
    """Identifies a model by its parameters and its description."""
    digest = hashlib.sha256(json.dumps(step.description, sort_keys=True).encode())
    for name, values in sorted(step.state_dict().items()):
        digest.update(f"{name} {values.dtype} {list(values.shape)}".encode())
        digest.update(values.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


def to_bytes(
    names: Sequence[str], states: Sequence[Tensor], keys: Sequence[str | None], memories: Any, model: str
) -> bytes:
    """States of sequences as bytes, for `from_bytes`.

    names, states: of each state its name and [B, ...]; keys, memories: plain data of each sequence
    model: the fingerprint of the model
    """
    content = {"keys": list(keys), "memories": list(memories)}
    metadata = {"format": FORMAT, "version": str(VERSION), "model": model, "content": json.dumps(content)}
    tensors = {name: one.contiguous() for name, one in zip(names, states, strict=True)}
    return save(tensors, metadata)


def from_bytes(data: bytes, names: Sequence[str], initial: Sequence[Tensor], model: str) -> StoredStates:
    """The states that `to_bytes` returned; nothing in the data is executed.

    Raises: `GatewiseError` if they are damaged, of a later version, or of another model.
    """
    try:
        metadata, content = _metadata(bytes(data))
        if metadata.get("model") != model:
            raise GatewiseError(
                f"these states are of another model, {str(metadata.get('model'))[:32]}, not {model}: step "
                "the model that they were saved from, or begin anew"
            )
        tensors = load(bytes(data))
        keys, memories = content["keys"], content["memories"]
        _require_fit(tensors, dict(zip(names, initial, strict=True)), keys, memories)
        return StoredStates(keys, memories, [tensors[name] for name in names])
    except GatewiseError:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise GatewiseError(f"the states can't be read: {one_line(error)}") from error


def _metadata(data: bytes) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The metadata, and the keys and memories among them."""
    length = int.from_bytes(data[:SIZE], "little")
    if len(data) < SIZE or length > min(len(data) - SIZE, LONGEST_HEADER):
        raise ValueError(f"{len(data)} bytes are too few, or no states of gatewise")
    header = parse_json(data[SIZE : SIZE + length].decode())
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise ValueError("they are no states of gatewise")
    if metadata.get("version") != str(VERSION):
        raise ValueError(f"they are of version {metadata.get('version')}, and this gatewise reads {VERSION}")
    content = parse_json(metadata["content"])
    if not isinstance(content, dict):
        raise ValueError("they have no keys")
    return metadata, content


def _require_fit(
    tensors: Mapping[str, Tensor], initial: Mapping[str, Tensor], keys: Any, memories: Any
) -> None:
    """Raises: `ValueError` if names, shapes or types differ from those of a model."""
    if not isinstance(keys, list) or not all(one is None or isinstance(one, str) for one in keys):
        raise ValueError("expected their keys as texts")
    if len(set(keys)) < len(keys) or not isinstance(memories, list) or len(memories) != len(keys):
        raise ValueError("expected a key and a memory for each sequence")
    if tensors.keys() != initial.keys():
        raise ValueError(f"expected the states {', '.join(initial)}, got {', '.join(tensors)}")
    for name, values in tensors.items():
        like = initial[name]
        if values.shape != (len(keys), *like.shape[1:]) or values.dtype != like.dtype:
            raise ValueError(f"expected {name} as {[len(keys), *like.shape[1:]]} of {like.dtype}")
        if values.is_floating_point() and values.isnan().any():
            raise ValueError(f"{name} has a value that is not a number")
