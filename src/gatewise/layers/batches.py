"""Batches of sequences in all forms that layers accept, and results in the same form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatewise.cells.base import CellType
from gatewise.engine.recording import recording, wrapped
from gatewise.errors import GatewiseError
from gatewise.layers.checks import check_dense

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(eq=False)  # not frozen, which would triple the time to create one
class Batch:
    """Sequences in the form of the engine, values [T, B, I], and their original form."""

    values: Tensor
    lengths: Tensor | None
    batch_first: bool
    batched: bool = True
    packed: PackedSequence | None = None

    def restore(self, values: Tensor) -> Tensor | PackedSequence:
        """[T, B, F] in the original form of the batch."""
        if self.packed is None:
            return self.restore_padded(values)
        assert self.lengths is not None
        order = self.packed.sorted_indices
        lengths = self.lengths.cpu()
        if order is not None:
            values, lengths = values.index_select(1, order), lengths[order.cpu()]
        again = pack_padded_sequence(values, lengths)
        return PackedSequence(again.data, self.packed.batch_sizes, order, self.packed.unsorted_indices)

    def restore_padded(self, values: Tensor) -> Tensor:
        """[T, B, F] in the original form of the batch; a packed one stays padded."""
        if not self.batched:
            return values.squeeze(1)
        return values.transpose(0, 1) if self.batch_first else values


def read_batch(
    given: Tensor | PackedSequence, lengths: Tensor | list[int] | None, batch_first: bool, input_size: int
) -> Batch:
    """Checks the input of a layer and puts time first."""
    if isinstance(given, PackedSequence):
        if lengths is not None:
            raise GatewiseError(
                "lengths= was given with a PackedSequence, which has its own lengths; leave it out"
            )
        values, own_lengths = pad_packed_sequence(given)
        _check_width(values, input_size, batch_first=False)
        return Batch(values, own_lengths.to(values.device), batch_first=False, packed=given)
    if not isinstance(given, Tensor):
        raise GatewiseError(f"expected input as a Tensor or a PackedSequence, got {type(given).__name__}")
    check_dense("input", given)
    if not given.is_floating_point():
        raise GatewiseError(f"expected input of a floating point dtype, got {given.dtype}; use .float()")
    batched = given.dim() != 2
    _check_width(given, input_size, batch_first and batched)
    values = given if batched else given.unsqueeze(1)
    values = values.transpose(0, 1) if batch_first and batched else values
    if values.shape[0] == 0:
        raise GatewiseError(f"expected input of at least one step, got shape {list(given.shape)}")
    checked = None if lengths is None else _check_lengths(lengths, values)
    return Batch(values, checked, batch_first, batched)


def read_resets(resets: Tensor | None, batch: Batch) -> Tensor | None:
    """Checks the resets and puts time first: [T, B] bool."""
    if resets is None:
        return None
    resets = torch.as_tensor(resets, device=batch.values.device)
    expected = list(batch.restore_padded(batch.values).shape[:-1])
    if list(resets.shape) != expected or resets.dtype != torch.bool:
        raise GatewiseError(
            f"expected resets of shape {expected} and dtype torch.bool, "
            f"got {list(resets.shape)} and {resets.dtype}"
        )
    if not batch.batched:
        return resets.unsqueeze(1)
    return resets.transpose(0, 1) if batch.batch_first else resets


def read_elapsed(elapsed: Tensor | None, batch: Batch, cell: CellType) -> Tensor | None:
    """Checks the times between steps and puts time first: [T, B]."""
    if elapsed is None:
        return None
    if not cell.reads_elapsed:
        raise GatewiseError(
            f"elapsed= was given to a layer of {cell.__name__}, which reads no times; leave it out"
        )
    elapsed = torch.as_tensor(elapsed, dtype=batch.values.dtype, device=batch.values.device)
    expected = list(batch.restore_padded(batch.values).shape[:-1])
    if list(elapsed.shape) != expected:
        raise GatewiseError(f"expected elapsed of shape {expected}, got {list(elapsed.shape)}")
    if not batch.batched:
        return elapsed.unsqueeze(1)
    return elapsed.transpose(0, 1) if batch.batch_first else elapsed


def _check_width(given: Tensor, input_size: int, batch_first: bool) -> None:
    if given.dim() not in (2, 3) or given.shape[-1] != input_size:
        axes = {2: "T", 3: "B, T" if batch_first else "T, B"}.get(given.dim(), "T, B")
        raise GatewiseError(f"expected input of shape [{axes}, {input_size}], got {list(given.shape)}")


def _check_lengths(given: Tensor | list[int], values: Tensor) -> Tensor:
    steps, batch = values.shape[:2]
    try:
        lengths = torch.as_tensor(given, device=values.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise GatewiseError(f"expected lengths as [{batch}] whole numbers, got {given!r}") from error
    if list(lengths.shape) != [batch]:
        raise GatewiseError(
            f"expected lengths of shape [{batch}], one for each sequence, got {list(lengths.shape)}"
        )
    if lengths.numel() and lengths.dtype not in WHOLE:
        raise GatewiseError(f"expected lengths as whole numbers, got {lengths.dtype}")
    if recording() or wrapped([lengths]):  # no value is known yet
        return lengths.long()
    wrong = (lengths < 0) | (lengths > steps)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise GatewiseError(f"expected lengths in 0..{steps}, got {int(lengths[row])} for sequence {row}")
    return lengths.long()
