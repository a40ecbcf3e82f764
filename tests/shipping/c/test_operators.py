"""PyTorch's operators in C, beside PyTorch."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gatewise.engine.int8 import linear, rounded
from gatewise.errors import GatewiseError
from gatewise.shipping.c.export import export_step
from tests.shipping.c.compiled import Compiled, expected

ELEMENTWISE = {
    "arithmetic": lambda v: [-v, v + 2, 3 - v, v * v.flip(0), v / (v * v + 1), torch.add(v, v[0], alpha=0.5)],
    "functions": lambda v: [
        v.exp(),
        v.abs().log(),
        v.abs().sqrt(),
        v.sin(),
        v.cos(),
        v.tanh(),
        v.erf(),
        v.expm1(),
    ],
    "powers": lambda v: [
        v**2,
        v.abs() ** 0.5,
        v.abs() ** 1.7,
        2.0**v,
        v.abs().rsqrt(),
        v.reciprocal(),
        v.square(),
    ],
    "activations": lambda v: [
        v.sigmoid(),
        v.relu(),
        functional.softplus(v),
        functional.gelu(v),
        functional.silu(v),
        functional.elu(v),
        functional.gelu(v, approximate="tanh"),
        functional.leaky_relu(v),
        functional.logsigmoid(v),
        functional.mish(v),
        functional.hardtanh(v),
        functional.hardsigmoid(v),
        functional.softsign(v),
        functional.relu6(v),
    ],
    "rounding": lambda v: [
        v.floor(),
        v.ceil(),
        v.round(),
        v.trunc(),
        v.frac(),
        v % 0.7,
        torch.fmod(v, 0.7),
        v // 0.3,
    ],
    "comparisons": lambda v: [
        v > 0,
        v == v[0],
        v.isnan(),
        (v > 0) & (v < 1),
        ~(v > 0.5),
        torch.where(v > 0, v, -1.0),
    ],
    "extremes": lambda v: [
        v.clamp(-0.5, 0.5),
        v.clamp(max=0.1),
        torch.maximum(v, v[1]),
        torch.minimum(v, v[1]),
        v.sign(),
        v.abs(),
    ],
    "conversions": lambda v: [
        v.int() + 1,
        v.double() * 3,
        (v > 0).float(),
        v.long() % 3,
        v.bool(),
        (v * 5).long() // 2,
    ],
    "missing": lambda v: [
        torch.nan_to_num(torch.where(v > 0, torch.nan, v)),
        torch.where(v > 0, torch.nan, v).relu().isnan(),
        torch.maximum(torch.where(v > 0, torch.nan, v), v).isnan(),
        v.masked_fill(v > 0, 7.0),
    ],
}
REDUCTIONS = {
    "sums": lambda v: [v.sum(), v.sum(0), v.mean(1), v.mean((0, 1)), v.prod(1), v.sum(1, keepdim=True) + v],
    "extremes of axes": lambda v: [
        v.amax(0),
        v.amin(1),
        v.max(1).values,
        v.max(1).indices,
        v.min(0).values,
        v.argmax(1),
    ],
    "spread": lambda v: [v.var(1), v.std(0), v.var(1, correction=0), v.norm(dim=1), torch.logsumexp(v, 1)],
    "softmax": lambda v: [v.softmax(1), v.softmax(0), v.log_softmax(1), (v * 50).softmax(1)],
    "running": lambda v: [v.cumsum(1), v.cumsum(0), v.cummax(1).values, v.cummin(0).values, v.cumprod(1)],
    "order": lambda v: [
        v.sort(1).values,
        v.sort(1).indices,
        v.sort(0, descending=True).values,
        v.topk(3, 1).values,
        v.median(1).values,
        v.median(0, keepdim=True).indices,
        torch.where(v > 1, torch.nan, v).median(0).values.nan_to_num(-7),
    ],
    "truth": lambda v: [(v > 0).any(1), (v > -9).all(0), (v > 0).sum(1)],
}
ARRANGEMENT = {
    "views": lambda v: [
        v.t(),
        v[:, 1:3],
        v[1],
        v.reshape(3, 8),
        v.t().reshape(-1),
        v.unsqueeze(1).expand(4, 2, 6),
    ],
    "parts": lambda v: [
        *v.split(2, 1),
        *v.chunk(2, 0),
        *v.unbind(0),
        v.unfold(1, 3, 2),
        v[..., ::2],
        v[:, -1],
    ],
    "joined": lambda v: [
        torch.cat([v, v.t().reshape(4, 6) * 2], 1),
        torch.stack([v, v + 1], 1),
        v.repeat(2, 3),
    ],
    "moved": lambda v: [v.flip(1), v.roll(1, 1), v.permute(1, 0).contiguous(), v.repeat_interleave(2, 1)],
    "padded": lambda v: [
        functional.pad(v, (1, 2)),
        functional.pad(v, (0, 1, 2, 0), value=3.0),
        functional.pad(v, (-1, 0)),
    ],
    "chosen": lambda v: [
        v[:, torch.tensor([3, 0, -1])],
        v.index_select(0, torch.tensor([2, 0])),
        v.gather(1, v.argsort(1)[:, :2]),
        functional.embedding((v[:, 0] > 0).long(), torch.arange(6.0).reshape(2, 3)),
    ],
    "filled": lambda v: [
        torch.zeros_like(v) + v[:1],
        torch.full_like(v, 2.5),
        torch.arange(6.0) * v,
        v.new_ones(3),
    ],
    "written": lambda v: [_written(v), torch.tril(torch.ones(4, 4)) @ v],
}


def _written(v):
    v = v.clone()
    v[:, 1] = 4.0
    v[2, 2:5] = v[0, :3]
    return v


class Products(nn.Module):
    """Products of matrices, convolutions and normalization."""

    def __init__(self):
        super().__init__()
        self.dense, self.plain = nn.Linear(6, 5), nn.Linear(4, 3, bias=False)
        self.along = nn.Conv1d(6, 4, 3, padding=2, dilation=2)
        self.grouped = nn.Conv1d(6, 6, 2, groups=3, stride=2)
        self.plane = nn.Conv2d(1, 2, 3, padding=1)
        self.layer_norm, self.batch_norm = nn.LayerNorm(6), nn.BatchNorm1d(6)
        self.batch_norm.running_mean.normal_()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, v):
        rows = v.t().unsqueeze(0)
        return [
            self.dense(v),
            self.dense(v[0]),
            self.plain(v.t()),
            self.plain(v[:, :4].t()),
            v @ v.t(),
            torch.bmm(v.view(2, 2, 6), v.view(2, 6, 2)),
            v @ v[0],
            torch.einsum("ab,cb->ac", v, v),
            self.along(rows),
            self.grouped(rows),
            self.plane(v.view(1, 1, 4, 6)),
            self.layer_norm(v),
            self.batch_norm(v),
            functional.layer_norm(v, (4, 6)),
            self.attention(v.unsqueeze(0), v.unsqueeze(0), v.unsqueeze(0))[0],
            functional.scaled_dot_product_attention(v, v, v),
        ]


class Functions(nn.Module):
    """Functions of a matrix [4, 6], whose results follow each other in one row."""

    def __init__(self, functions):
        super().__init__()
        self.functions = functions
        self.module = functions if isinstance(functions, nn.Module) else None

    def forward(self, x, seen):
        functions = [self.functions] if self.module is not None else self.functions
        found = [one for function in functions for one in function(x.view(4, 6))]
        return torch.cat([one.reshape(-1).double() for one in found]), seen + x


@pytest.mark.parametrize(
    "functions", [ELEMENTWISE, REDUCTIONS, ARRANGEMENT, None], ids=["elements", "axes", "moves", "products"]
)
def test_operators(functions, tmp_path):
    module = Functions(Products().eval() if functions is None else list(functions.values()))
    states = {"seen": torch.zeros(1, 24)}
    inputs = torch.randn(3, 1, 24)
    compiled = Compiled(module, tmp_path, inputs[0], states)
    found = torch.stack([compiled.step(one) for one in inputs])
    torch.testing.assert_close(found, expected(module, inputs, states), rtol=2e-6, atol=2e-6)


def test_an_operator_that_c_has_not_is_named(tmp_path):
    module = Functions([lambda v: [torch.linalg.inv(v[:, :4])]])
    with pytest.raises(GatewiseError, match=r"C, which has no linalg_inv_ex; export it to ONNX or torch"):
        export_step(module, tmp_path / "model.c", {"x": torch.ones(1, 24)}, {"seen": torch.zeros(1, 24)})
    assert not list(tmp_path.iterdir())


class Branching(nn.Module):
    """What it computes depends on values, which no graph can hold."""

    def forward(self, x, seen):
        return (x if x.sum() > 0 else -x), seen


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Functions([lambda v: [v + torch.rand(4, 6)]]), "C, which has no rand"),
        (
            Functions([lambda v: [torch.round(v, decimals=2)]]),
            r"C, which has no round.decimals with decimals",
        ),
        (Functions([lambda v: [v.half() * 2]]), "the model computes in float16, which C files have not"),
        (Branching(), "PyTorch can't make a graph of Branching"),
    ],
)
def test_what_c_can_not_compute_is_refused(module, reason, tmp_path):
    with pytest.raises(GatewiseError, match=reason) as error:
        export_step(module, tmp_path / "model.c", {"x": torch.ones(1, 24)}, {"seen": torch.zeros(1, 24)})
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_int8_linear_layers_are_rounded_as_recurrent_ones(tmp_path):
    class Step(nn.Module):
        def __init__(self):
            super().__init__()
            self.large, self.small = nn.Linear(24, 16), nn.Linear(16, 3)

        def forward(self, x, seen):
            return self.small(self.large(x).tanh()), seen + x

    module, states, inputs = Step(), {"seen": torch.zeros(1, 24)}, torch.randn(3, 1, 24)
    compiled = Compiled(module, tmp_path, inputs[0], states, quantize=True)
    matrix, scales = rounded(module.large.weight.detach())
    for x in inputs:
        hidden = linear(x, matrix, scales.squeeze(-1), module.large.bias).tanh()
        torch.testing.assert_close(
            compiled.step(x), module.small(hidden).flatten().detach(), rtol=1e-5, atol=1e-5
        )
    assert compiled.files.constants == 24 * 16 + 4 * (2 * 16 + 3 * 16 + 3)
