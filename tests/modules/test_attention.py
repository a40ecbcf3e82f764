"""Attention: weights that sum to one, that ignore padding, and that are those of the papers."""

import pytest
import torch

from gatewise.modules.attention import Bahdanau, Luong

KINDS = pytest.mark.parametrize("kind", [Luong, Bahdanau])
LENGTHS = [5, 1, 3]


def memory_of(attention, values):
    return attention.memory(values, torch.arange(values.shape[1]) < torch.tensor(LENGTHS).unsqueeze(1))


@KINDS
def test_weights_sum_to_one_and_ignore_padding(kind):
    attention, values, queries = kind(6), torch.randn(3, 5, 6), torch.randn(3, 4, 6)
    context, weights = attention(queries, memory_of(attention, values))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 4))
    for row, length in enumerate(LENGTHS):
        assert (weights[row, :, :length] > 0).all()
        assert (weights[row, :, length:] == 0).all()
        values[row, length:] = 100.0
    again, _ = attention(queries, memory_of(attention, values))
    assert torch.equal(context, again)


@KINDS
def test_contexts_are_those_of_a_plain_loop(kind):
    attention = kind(6).double()
    values, queries = torch.randn(3, 5, 6).double(), torch.randn(3, 4, 6).double()
    context, weights = attention(queries, memory_of(attention, values))
    for row, length in enumerate(LENGTHS):
        for step in range(4):
            scores = [plain_score(attention, queries[row, step], values[row, at]) for at in range(length)]
            expected = torch.stack(scores).softmax(0)
            torch.testing.assert_close(weights[row, step, :length], expected)
            mean = sum(weight * values[row, at] for at, weight in enumerate(expected))
            torch.testing.assert_close(context[row, step], mean)


def plain_score(attention, query, value):
    if isinstance(attention, Luong):
        return query @ attention.general.weight @ value / len(query) ** 0.5
    inner = attention.of_query.weight @ query + attention.of_query.bias + attention.of_value.weight @ value
    return attention.weigh.weight[0] @ inner.tanh()


def test_a_memory_gives_its_rows_in_any_order():
    attention = Luong(6)
    memory = memory_of(attention, torch.randn(3, 5, 6))
    chosen = memory.select(torch.tensor([2, 0, 0]))
    for part, whole in zip(chosen, memory, strict=True):
        assert torch.equal(part, torch.stack([whole[2], whole[0], whole[0]]))
