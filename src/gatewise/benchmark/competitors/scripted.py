"""TorchScript: loops over the steps, written for cells that `torch.nn` lacks."""

import warnings
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear, softplus

from gatewise.benchmark.candidate import FLOAT32, Competitor, TimedCandidate, TorchCandidate
from gatewise.benchmark.own_cell import SoftplusLSTM
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.cells import LayerNormLSTM, PeepholeLSTM
from gatewise.cells.base import CellType
from gatewise.cells.expressions import NORMALIZE_EPSILON


class _Loop(nn.Module):
    """Runs `step` along [T, B, I]; the parameters have the names of the layer of gatewise."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor

    def __init__(self, parameters: dict[str, Tensor]) -> None:
        super().__init__()
        for name, one in parameters.items():
            self.register_parameter(name, nn.Parameter(one.clone()))

    def forward(self, values: Tensor, inside: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        products = self.input_products(values)
        h = torch.zeros(values.size(1), self.weight_hh.size(1))
        c = torch.zeros_like(h)
        outputs: list[Tensor] = []
        for t in range(values.size(0)):
            new_h, new_c = self.step(products[t], h, c)
            if inside is None:
                h, c = new_h, new_c
                outputs.append(h)
            else:
                outputs.append(torch.where(inside[t], new_h, 0.0))
                h, c = torch.where(inside[t], new_h, h), torch.where(inside[t], new_c, c)
        return torch.stack(outputs), h, c

    def input_products(self, values: Tensor) -> Tensor:
        return linear(values, self.weight_ih, self.bias_ih)

    def step(self, products: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class _Peephole(_Loop):
    p: Tensor

    def step(self, products: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, g, o = (products + linear(h, self.weight_hh, self.bias_hh)).chunk(4, 1)
        of_i, of_f, of_o = self.p.chunk(3)
        c = torch.sigmoid(f + of_f * c) * c + torch.sigmoid(i + of_i * c) * torch.tanh(g)
        return torch.sigmoid(o + of_o * c) * torch.tanh(c), c


class _LayerNorm(_Loop):
    gain_input: Tensor
    shift_input: Tensor
    gain_hidden: Tensor
    shift_hidden: Tensor
    gain_memory: Tensor
    shift_memory: Tensor
    epsilon: Final[float] = NORMALIZE_EPSILON

    def input_products(self, values: Tensor) -> Tensor:
        product = linear(values, self.weight_ih)
        return layer_norm(product, [product.size(-1)], self.gain_input, self.shift_input, self.epsilon)

    def step(self, products: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        product = linear(h, self.weight_hh)
        recurrent = layer_norm(product, [product.size(-1)], self.gain_hidden, self.shift_hidden, self.epsilon)
        i, f, g, o = (products + recurrent).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        normalized = layer_norm(c, [c.size(-1)], self.gain_memory, self.shift_memory, self.epsilon)
        return torch.sigmoid(o) * torch.tanh(normalized), c


class _Softplus(_Loop):
    def step(self, products: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f, g, o = (products + linear(h, self.weight_hh, self.bias_hh)).chunk(3, 1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * softplus(g)
        return torch.sigmoid(o) * torch.tanh(c), c


LOOPS: dict[CellType, type[_Loop]] = {
    PeepholeLSTM: _Peephole,
    LayerNormLSTM: _LayerNorm,
    SoftplusLSTM: _Softplus,
}


class Scripted(Competitor):
    """The cells with a handwritten loop."""

    name = "TorchScript"

    def refusal(self, case: BenchmarkCase) -> str | None:
        return None if case.cell in LOOPS else "its loops are written for cells that torch.nn lacks"

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        inside = problem.inside()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            loop = torch.jit.script(LOOPS[problem.case.cell](problem.parameters()))

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            output, *final = loop(values, inside)
            return output, tuple(final)

        return TorchCandidate(problem, run, dict(loop.named_parameters()))
