"""A step of a language model: the probability of each next symbol."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.tokenizers.streams import stream_tokenizer
from gatewise.errors import GatewiseError
from gatewise.layers import BlockStack, Recurrent
from gatewise.modules.network import Network
from gatewise.shipping.stepwise import Own, RecurrentStepwise
from gatewise.tasks.generate.data import Preprocessing
from gatewise.tasks.generate.language import LanguageModel


class LanguageStepwise(RecurrentStepwise):
    """`p(s_{t+1}) = softmax(W h_t + b)`, from the number of a symbol s_t, [B]."""

    def __init__(self, model: LanguageModel, preprocessing: Preprocessing) -> None:
        tokenizer = stream_tokenizer(preprocessing.tokenizer)
        output = {"kind": "symbols", "tokenizer": preprocessing.tokenizer, "unknown": tokenizer.unknown}
        description = {"input": {"kind": "symbol", "dtype": "int64"}, "output": output}
        layers = model.recurrent
        assert isinstance(layers, Recurrent | BlockStack)
        super().__init__(description, torch.zeros(1, dtype=torch.int64), layers, {})
        self.model = model

    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        return self.model.embedding(x), None, own

    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        return self.model.logits(output).softmax(-1), own


def stepwise(network: Network, preprocessing: Preprocessing) -> LanguageStepwise:
    """A step of a language model. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, LanguageModel):
        raise GatewiseError(f"{type(network).__name__} has no recurrent layers, so it can't stream")
    return LanguageStepwise(network, preprocessing)
