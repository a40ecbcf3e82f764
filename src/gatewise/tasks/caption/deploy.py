"""The encoder of a captioner and a step of its decoder, from the pixels of images."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.images.captions import CaptionBatch
from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.tasks.caption.data import Preprocessing
from gatewise.tasks.caption.encoder import ColumnEncoder
from gatewise.tasks.caption.network import CaptionNetwork
from gatewise.tasks.deployed_decoder import DeployedEncoder
from gatewise.tasks.deployed_images import PixelReader


class DeployedCaptioner(DeployedEncoder):
    """The memory and the state of images. network: a trained one; preprocessing: of its data"""

    network: CaptionNetwork

    def __init__(self, network: CaptionNetwork, preprocessing: Preprocessing) -> None:
        encoder = network.reader
        height = encoder.height if isinstance(encoder, ColumnEncoder) else None
        reader = PixelReader(preprocessing.form, height=height)
        random = torch.Generator().manual_seed(0)
        with torch.no_grad():
            context = network.eval().encode(_batch(reader, **reader.example(1, 12, random)))
        symbols = SentenceTokenizer.from_data(preprocessing.symbols)
        super().__init__(
            network,
            reader.fields(),
            {
                "task": "caption",
                "symbols": symbols.to_data(),
                "limit": {"ratio": 0.0, "extra": network.max_length + 1},
                "length_penalty": network.penalty,
            },
            network.decoder,
            context,
            network.step,
            len(symbols),
        )
        self.reader = reader

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """The state, and the memory if there is attention."""
        return self.results_of(self.network.encode(_batch(self.reader, images, sizes)))

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return self.reader.example(sizes["batch"], sizes["time"], random)


def _batch(reader: PixelReader, images: Tensor, sizes: Tensor) -> CaptionBatch:
    captions = sizes.new_zeros(sizes.shape[0], 0)  # which are not read
    return CaptionBatch(reader(images, sizes), sizes, captions)


def deployed(network: Network, preprocessing: Preprocessing) -> DeployedCaptioner:
    """The deployed form of a captioner. Raises: `GatewiseError` if it is a baseline."""
    if not isinstance(network, CaptionNetwork):
        raise GatewiseError(
            f"this model can't be exported: it is the baseline {type(network).__name__}; give a network"
        )
    return DeployedCaptioner(network, preprocessing)
