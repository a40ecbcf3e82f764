"""The logits of the symbol after each of a text, from any state to the next."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.shipping.packed_state import PackedState
from gatewise.tasks.generate.data import Preprocessing
from gatewise.tasks.generate.language import LanguageModel


class DeployedLanguageModel(Deployed):
    """A language model with its state in and out: of whole texts, or symbol by symbol.

    The state has a row of numbers for each text, in which all states of all layers follow each other.

    network: a trained language model; preprocessing: of its data
    """

    network: LanguageModel
    packed: PackedState

    def __init__(self, network: LanguageModel, preprocessing: Preprocessing) -> None:
        with torch.no_grad():
            _, state = network.eval()(torch.zeros(1, 1, dtype=torch.int64))
        packed = PackedState(state)
        width = packed.width
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
        self.network, self.packed = network, packed

    def forward(self, symbols: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The logits [B, T, V] after symbols [B, T], and the state after them."""
        logits, last = self.network(symbols, self.packed.unpack(state))
        return logits.transpose(0, 1), self.packed.pack(last)

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
