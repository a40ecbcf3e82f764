"""The logits of the symbol after each of a text, from any state to the next."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.tasks.generate.data import Preprocessing
from gatewise.tasks.generate.language import LanguageModel


class DeployedLanguageModel(Deployed):
    """A language model with its state in and out: of whole texts, or symbol by symbol.

    The state has a row of numbers for each text, in which all states of all layers follow each other.

    network: a trained language model; preprocessing: of its data
    """

    def __init__(self, network: LanguageModel, preprocessing: Preprocessing) -> None:
        with torch.no_grad():
            _, state = network.eval()(torch.zeros(1, 1, dtype=torch.int64))
        leaves, self.form = pytree.tree_flatten(state)  # [layers, B, ...] each
        self.shapes = [(one.shape[0], *one.shape[2:]) for one in leaves]
        width = sum(map(prod, self.shapes))
        about = "the logits of the symbol after each; softmax makes probabilities of them"
        super().__init__(
            [
                Field("symbols", "int64", ("batch", "time"), "the numbers of the symbols of texts"),
                Field("state", "float32", ("batch", width), "after the text before; zeros at the beginning"),
            ],
            [
                Field("logits", "float32", ("batch", "time", network.symbols), about),
                Field("next_state", "float32", ("batch", width), "`state` for the text that follows"),
            ],
            {"task": "generate", "tokenizer": preprocessing.tokenizer},
        )
        self.network = network

    def forward(self, symbols: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The logits [B, T, V] after symbols [B, T], and the state after them."""
        logits, last = self.network(symbols, self._unpacked(state))
        rows = [one.transpose(0, 1).flatten(1) for one in pytree.tree_leaves(last)]
        return logits.transpose(0, 1), torch.cat(rows, dim=1)

    def _unpacked(self, state: Tensor) -> Any:
        parts = state.split([prod(shape) for shape in self.shapes], dim=1)
        leaves = [
            part.unflatten(1, shape).transpose(0, 1) for part, shape in zip(parts, self.shapes, strict=True)
        ]
        return pytree.tree_unflatten(leaves, self.form)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows, width = sizes["batch"], int(self.inputs[1].axes[1])
        symbols = torch.randint(self.network.symbols, (rows, sizes["time"]), generator=random)
        return {"symbols": symbols, "state": torch.rand(rows, width, generator=random) / 2}


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedLanguageModel:
    """The deployed form of a language model. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, LanguageModel):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedLanguageModel(network, preprocessing)
