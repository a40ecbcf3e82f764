"""Other libraries with recurrent kernels for GPUs, as functions of [T, B, I] that return [T, B, H]."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Made = tuple[Callable[[Tensor], Tensor], torch.nn.Module]  # a call, and the module with its parameters


def torchrl(cell: str, batch: int, units: int, heads: int) -> Made:
    """TorchRL's LSTM or GRU in float32, with no resets."""
    from torchrl.modules.tensordict_module._rnn_triton import gru_triton, lstm_triton

    module = (torch.nn.LSTM if cell == "LSTM" else torch.nn.GRU)(units, units, device="cuda")

    def run(values: Tensor) -> Tensor:
        rows = values.transpose(0, 1).contiguous()
        zeros, never = torch.zeros_like(rows), torch.zeros(rows.shape[:2], dtype=torch.bool, device="cuda")
        weights = (module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0)
        if cell == "LSTM":
            output = lstm_triton(rows, zeros, zeros, *weights, never, input_precision="ieee")[0]
        else:
            output = gru_triton(rows, zeros, *weights, never, input_precision="ieee")[0]
        return output.transpose(0, 1)

    return run, module


class _Heads(torch.nn.Module):
    """The parameters of FlashRNN: those of inputs, and of states by gate and head."""

    def __init__(self, units: int, heads: int) -> None:
        super().__init__()
        keys, kind = units // heads, torch.bfloat16
        self.inputs = torch.nn.Linear(units, 4 * units, bias=False, device="cuda", dtype=kind)
        matrix = torch.randn(4, heads, keys, keys, device="cuda", dtype=kind) / keys**0.5
        self.matrix = torch.nn.Parameter(matrix)
        self.bias = torch.nn.Parameter(torch.zeros(4, heads, keys, device="cuda", dtype=kind))


def flashrnn(cell: str, batch: int, units: int, heads: int) -> Made:
    """FlashRNN's LSTM or sLSTM in Triton, with products and states in bfloat16."""
    from flashrnn import flashrnn as function

    module = _Heads(units, heads)

    def run(values: Tensor) -> Tensor:
        rows = values.transpose(0, 1).to(torch.bfloat16)
        sums = module.inputs(rows).unflatten(-1, (4, heads, units // heads))
        states, _ = function(
            sums.contiguous(), module.matrix, module.bias, function=cell.lower(), backend="triton_fused",
            dtype="bfloat16",
        )  # fmt: skip
        return states[0].flatten(-2).transpose(0, 1)

    return run, module


SIZES = ((16, 64), (16, 128), (64, 256))
COMPARISONS = (
    (
        "TorchRL", "float32", torchrl,
        [(cell, batch, units, 1) for batch, units in SIZES for cell in ("LSTM", "GRU")],
    ),
    (
        "FlashRNN", "bfloat16", flashrnn,
        [(cell, 16, 768, heads) for heads in (12, 6) for cell in ("LSTM", "SLSTM")],
    ),
)  # fmt: skip
