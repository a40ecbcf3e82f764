"""A step of the networks that pool the outputs of recurrent layers, over the steps so far."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.modules.ensemble import Ensemble
from gatewise.modules.sequence_encoder import SequenceEncoder
from gatewise.shipping.channels import RawChannels
from gatewise.shipping.running_pool import RunningPool
from gatewise.shipping.stepwise import Own, RecurrentStepwise


class EncodedStepwise(RecurrentStepwise):
    """What a network predicts from the steps of a sequence so far: `y_t = f(pool(h_1 ... h_t))`.

    Args:
        description, example: as in `Stepwise`
        encoder: of the network, in one direction and without convolutions
        channels: scales the observations
    """

    channels: RawChannels
    pool: RunningPool
    carried: int

    def __init__(
        self, description: dict[str, Any], example: Tensor, encoder: SequenceEncoder, channels: RawChannels
    ) -> None:
        require_causal(encoder)
        pool, recurrent = RunningPool(encoder.pooling), encoder.recurrent
        own = {**channels.initial, **pool.initial(encoder.width)}
        super().__init__(description, example, recurrent, own)
        self.channels, self.pool = channels, pool
        self.carried = len(channels.initial)

    @abstractmethod
    def predicted(self, pooled: Tensor) -> Tensor:
        """The pooled outputs [B, H] -> y [B, K]."""

    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        features, elapsed, carried = self.channels(x, own[: self.carried])
        return features, elapsed, (*carried, *own[self.carried :])

    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        pooled, later = self.pool(output, own[self.carried :])
        return self.predicted(pooled), (*own[: self.carried], *later)


def require_causal(network: Any) -> None:
    """Raises: `GatewiseError` if a network reads more than the steps so far."""
    recurrent = getattr(network, "recurrent", None)
    if isinstance(network, Ensemble):
        raise GatewiseError(
            "the model is an ensemble of networks, which does not stream: train one network, without "
            "ensemble and folds, with bidirectional=False"
        )
    if not isinstance(network, SequenceEncoder) or not isinstance(recurrent, Recurrent):
        raise GatewiseError(
            f"a {type(network).__name__} reads whole sequences, so the model can't stream: train one with "
            'network="stack", bidirectional=False'
        )
    refuse_bidirectional(recurrent)
    if network.convolutions is not None:
        raise GatewiseError(
            "the convolutions of the model read whole sequences, so it can't stream: train one with "
            'network="stack", bidirectional=False'
        )


def refuse_bidirectional(recurrent: Recurrent) -> None:
    """Raises: `GatewiseError` if layers read a sequence from its end."""
    if recurrent.bidirectional:
        raise GatewiseError(
            "the model is bidirectional: it also reads each sequence from its end, so it can't stream; train "
            "one with bidirectional=False"
        )
