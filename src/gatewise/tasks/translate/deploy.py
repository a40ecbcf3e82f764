"""The encoder of a translator and a step of its decoder, from the numbers of symbols."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from gatewise.data.tokenizers.sentences import END
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Field
from gatewise.tasks.deployed_decoder import DeployedEncoder
from gatewise.tasks.deployed_sequences import LENGTHS, drawn_lengths
from gatewise.tasks.translate.data import Preprocessing
from gatewise.tasks.translate.network import EXTRA_LENGTH, EncoderDecoder


class DeployedTranslator(DeployedEncoder):
    """The memory and the state of source texts. network: a trained one; preprocessing: of its data"""

    sources: int
    network: EncoderDecoder

    def __init__(self, network: EncoderDecoder, preprocessing: Preprocessing) -> None:
        with torch.no_grad():
            context = network.eval().encode(torch.full((1, 2), END), torch.tensor([2]))
        source, target = preprocessing.symbols()
        about = f"the numbers of the symbols of texts, with {END} after the last, and anything beyond"
        super().__init__(
            network,
            [
                Field("source", "int64", ("batch", "time"), about),
                replace(LENGTHS, about="the symbols of each text, with its end"),
            ],
            {
                "task": "translate",
                "source": source.to_data(),
                "target": target.to_data(),
                "limit": {"ratio": network.ratio, "extra": EXTRA_LENGTH},
                "length_penalty": network.penalty,
            },
            network.decoder,
            context,
            network.step,
            len(target),
        )
        self.sources = len(source)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """The state, and the memory if there is attention."""
        return self.results_of(self.network.encode(source, lengths))

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows, steps = sizes["batch"], sizes["time"]
        source = torch.randint(END, self.sources, (rows, steps), generator=random)
        return {"source": source, "lengths": drawn_lengths(rows, steps, random)}


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedTranslator:
    """The deployed form of a translator. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, EncoderDecoder):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedTranslator(network, preprocessing)
