"""Cells as public PyTorch code computes them: loops over steps, and forms that are parallel over all steps.

Each function takes a layer of gatewise, whose parameters it reads, and inputs [T, B, I]; it returns the
outputs [T, B, H] from states of zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear, logsigmoid, sigmoid, softplus

from gatewise.cells import MinGRU, MinLSTM, W, maximum, x
from gatewise.cells import sigmoid as sigmoid_of
from gatewise.layers import Recurrent

CHUNK = 64  # the steps of a chunk of an mLSTM
SHORT_CHUNK = 16  # those of HGRN2, whose decays for each key are multiplied out


def positive(value):  # type: ignore[no-untyped-def]
    """`v + 0.5` above 0 and `sigmoid(v)` below, the paper's g: only positive values have a logarithm."""
    return maximum(value, 0.0) - maximum(-sigmoid_of(value), -0.5)


class LogMinGRU(MinGRU):
    """The minGRU of the paper's appendix, whose candidate is positive."""

    n = positive(W.n @ x)


class LogMinLSTM(MinLSTM):
    """The minLSTM of the paper's appendix, whose candidate is positive."""

    g = positive(W.g @ x)


def projected(layer: Recurrent, inputs: Tensor) -> Tensor:
    """The products of all gates with the inputs of all steps."""
    return linear(inputs, layer.weight_ih_l0, layer.bias_ih_l0)


def slstm_loop(layer: Recurrent, inputs: Tensor) -> Tensor:
    """Step by step, with a batched product for the heads."""
    heads, size = layer.heads, layer.hidden_size
    own = size // heads
    kernel = layer.weight_hh_l0.view(4, heads, own, own).permute(1, 3, 0, 2).reshape(heads, own, 4 * own)
    given = projected(layer, inputs) + layer.bias_hh_l0
    h = c = n = m = inputs.new_zeros(inputs.shape[1], size)
    found = []
    for step in given:
        mixed = (h.view(-1, heads, own).transpose(0, 1) @ kernel).view(heads, -1, 4, own)
        i, f, z, o = (step + mixed.permute(1, 2, 0, 3).reshape(-1, 4 * size)).chunk(4, -1)
        kept = m + logsigmoid(f)
        m = torch.maximum(kept, i)
        write, keep = torch.exp(i - m), torch.exp(kept - m)
        c, n = keep * c + write * torch.tanh(z), keep * n + write
        h = sigmoid(o) * c / n
        found.append(h)
    return torch.stack(found)


def log_of_positive(value: Tensor) -> Tensor:
    """The logarithm of `positive`."""
    return torch.where(value >= 0, (torch.relu(value) + 0.5).log(), -softplus(-value))


def in_log_space(kept: Tensor, written: Tensor) -> Tensor:
    """`h = exp(kept) prev.h + exp(written)` for all steps, by a cumulative log-sum-exp."""
    total = kept.cumsum(0)
    return torch.exp(total + torch.logcumsumexp(written - total, 0))


def min_gru_parallel(layer: Recurrent, inputs: Tensor) -> Tensor:
    """In log space, as in the appendix of Feng et al. 2024."""
    z, n = projected(layer, inputs).chunk(2, -1)
    return in_log_space(-softplus(z), -softplus(-z) + log_of_positive(n))


def min_lstm_parallel(layer: Recurrent, inputs: Tensor) -> Tensor:
    """In log space, as in the appendix of Feng et al. 2024."""
    k, u, g = projected(layer, inputs).chunk(3, -1)
    difference = softplus(-k) - softplus(-u)
    return in_log_space(-softplus(difference), -softplus(-difference) + log_of_positive(g))


def looped(factor: Tensor, added: Tensor) -> Tensor:
    """`h = factor prev.h + added`, step by step."""
    h, found = torch.zeros_like(added[0]), []
    for a, b in zip(factor, added, strict=True):
        h = a * h + b
        found.append(h)
    return torch.stack(found)


def doubled(factor: Tensor, added: Tensor) -> Tensor:
    """The same in log2 T passes over all steps: a scan by doubling."""
    distance = 1
    while distance < len(added):
        added = torch.cat([added[:distance], added[distance:] + factor[distance:] * added[:-distance]])
        factor = torch.cat([factor[:distance], factor[distance:] * factor[:-distance]])
        distance *= 2
    return added


def rglru_parts(layer: Recurrent, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Factors and what is added."""
    r, i, u = projected(layer, inputs).chunk(3, -1)
    factor = torch.exp(-8 * softplus(layer.p_l0) * sigmoid(r))
    return factor, torch.sqrt(1 - factor * factor) * (sigmoid(i) * u)


def lru_parts(layer: Recurrent, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Factors and what is added, complex."""
    decay, angle, gain = layer.p_l0.chunk(3)
    modulus = torch.exp(-torch.exp(decay))
    real, imaginary = linear(inputs, layer.B_l0).chunk(2, -1)
    added = gain * torch.sqrt(1 - modulus**2) * torch.complex(real, imaginary)
    return torch.polar(modulus, torch.exp(angle)).expand_as(added), added


def lru_output(layer: Recurrent, states: Tensor, inputs: Tensor) -> Tensor:
    """What an LRU shows of its complex states."""
    real, imaginary = layer.C_l0.chunk(2)
    return linear(states.real, real) - linear(states.imag, imaginary) + linear(inputs, layer.D_l0)


def by_head(values: Tensor, heads: int) -> Tensor:
    """[T, B, H] as [B, heads, T, H / heads]."""
    return values.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)


def joined(values: Tensor) -> Tensor:
    """[B, heads, T, K] as [T, B, H]."""
    return values.permute(2, 0, 1, 3).flatten(2)


def mlstm_parts(layer: Recurrent, inputs: Tensor) -> tuple[Tensor, ...]:
    """q, k, v by head, the logarithms of input and forget gates [B, heads, T], and the output gate."""
    q, k, v, o = projected(layer, inputs).chunk(4, -1)
    i, f = linear(inputs, layer.w_l0, layer.bias_w_l0).permute(1, 2, 0).chunk(2, 1)
    q, k, v = (by_head(one, layer.heads) for one in (q, k, v))
    return q, k * k.shape[-1] ** -0.5, v, i, logsigmoid(f), sigmoid(o)


def mlstm_parallel(layer: Recurrent, inputs: Tensor) -> Tensor:
    """All pairs of steps at once: a matrix of decays, T x T, for each head."""
    q, k, v, i, f, o = mlstm_parts(layer, inputs)
    total = f.cumsum(-1)
    weights = total.unsqueeze(-1) - total.unsqueeze(-2) + i.unsqueeze(-2)
    later = torch.ones(weights.shape[-2:], dtype=torch.bool).triu(1)
    weights = weights.masked_fill(later, -torch.inf)
    m = weights.amax(-1, keepdim=True)
    scores = q @ k.mT * torch.exp(weights - m)
    normalizer = torch.maximum(scores.sum(-1, keepdim=True).abs(), torch.exp(-m))
    return o * joined(scores @ v / normalizer)


def mlstm_chunks(layer: Recurrent, inputs: Tensor) -> Tensor:
    """All pairs of steps within a chunk at once, and a memory from chunk to chunk."""
    q, k, v, i, f, o = mlstm_parts(layer, inputs)
    memory, n = q.new_zeros(*q.shape[:2], k.shape[-1], v.shape[-1]), q.new_zeros(*q.shape[:2], k.shape[-1], 1)
    m = q.new_zeros(*q.shape[:2], 1)
    later, found = torch.ones(CHUNK, CHUNK, dtype=torch.bool).triu(1), []
    for q_, k_, v_, i_, f_ in zip(
        *(one.split(CHUNK, 2) for one in (q, k, v)), *(one.split(CHUNK, 2) for one in (i, f)), strict=True
    ):
        steps = q_.shape[2]
        total = f_.cumsum(-1)
        before = (total + m).unsqueeze(-1)
        weights = total.unsqueeze(-1) - total.unsqueeze(-2) + i_.unsqueeze(-2)
        weights = weights.masked_fill(later[:steps, :steps], -torch.inf)
        own = torch.maximum(before, weights.amax(-1, keepdim=True))
        scores, kept = q_ @ k_.mT * torch.exp(weights - own), torch.exp(before - own)
        read = scores @ v_ + kept * (q_ @ memory)
        normalizer = scores.sum(-1, keepdim=True) + kept * (q_ @ n)
        found.append(read / torch.maximum(normalizer.abs(), torch.exp(-own)))
        last = total[..., -1:] - total + i_
        new = torch.maximum(total[..., -1:] + m, last.amax(-1, keepdim=True))
        keep = torch.exp(total[..., -1:] + m - new).unsqueeze(-1)
        weighted = k_.mT * torch.exp(last - new).unsqueeze(-2)
        memory, n, m = keep * memory + weighted @ v_, keep * n + weighted.sum(-1, keepdim=True), new
    return o * joined(torch.cat(found, 2))


def hgrn2_parts(layer: Recurrent, inputs: Tensor) -> tuple[Tensor, ...]:
    """The logarithm of f, keys, values and queries by head."""
    f, i, a = (by_head(one, layer.heads) for one in projected(layer, inputs).chunk(3, -1))
    return logsigmoid(f), sigmoid(-f), i, a * sigmoid(a)


def hgrn2_parallel(layer: Recurrent, inputs: Tensor) -> Tensor:
    """All pairs of steps at once; decays of keys are multiplied out, which overflows in long sequences."""
    f, k, v, q = hgrn2_parts(layer, inputs)
    total = f.cumsum(2)
    return joined(((q * total.exp()) @ (k * (-total).exp()).mT).tril() @ v)


def hgrn2_chunks(layer: Recurrent, inputs: Tensor) -> Tensor:
    """All pairs of steps within a chunk at once, and a memory from chunk to chunk."""
    f, k, v, q = hgrn2_parts(layer, inputs)
    memory, found = q.new_zeros(*q.shape[:2], k.shape[-1], v.shape[-1]), []
    for f_, k_, v_, q_ in zip(*(one.split(SHORT_CHUNK, 2) for one in (f, k, v, q)), strict=True):
        total = f_.cumsum(2)
        decayed = q_ * total.exp()
        found.append((decayed @ (k_ * (-total).exp()).mT).tril() @ v_ + decayed @ memory)
        last = total[:, :, -1:]
        memory = last.exp().mT * memory + (k_ * (last - total).exp()).mT @ v_
    return joined(torch.cat(found, 2))
