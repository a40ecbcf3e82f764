"""A step of a labeller: the probability of each label at this step."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.data.labels.labelled_table import TablePreprocessing
from gatewise.errors import GatewiseError
from gatewise.modules.network import Network
from gatewise.shipping.channels import RawChannels
from gatewise.shipping.description import classes_of, numbers_of
from gatewise.shipping.encoded import refuse_bidirectional
from gatewise.shipping.stepwise import LinearStep, Own, RecurrentStepwise
from gatewise.tasks.label.data import Preprocessing
from gatewise.tasks.label.network import ChannelReader, LabelNetwork


class LabelStepwise(RecurrentStepwise):
    """`p_t = softmax(W h_t + b)`, from the channels of a step."""

    channels: RawChannels

    def __init__(self, network: LabelNetwork, reader: ChannelReader, form: TablePreprocessing) -> None:
        refuse_bidirectional(network.recurrent)
        channels = RawChannels(form.scales, reader.inputs, form.fill is not None, torch.float32)
        inputs = numbers_of(form.columns, form.scales, form.fill, form.unit_of_time, "float32")
        description = {"input": inputs, "output": classes_of(form.labels)}
        example = torch.zeros(1, len(inputs["names"]))
        super().__init__(description, example, network.recurrent, channels.initial)
        self.channels, self.readout = channels, network.readout

    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        prepared: tuple[Tensor, Tensor | None, Own] = self.channels(x, own)
        return prepared

    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        return self.readout(output).softmax(-1), own

    def linear_step(self) -> LinearStep | None:
        return self.channels.before(self.readout)


def stepwise(network: Network, preprocessing: Preprocessing) -> LabelStepwise:
    """A step of a labeller. Raises: `GatewiseError` if it reads whole sequences, or words."""
    if not isinstance(network, LabelNetwork):
        raise GatewiseError(f"{type(network).__name__} reads whole sequences, so it can't stream")
    form, reader = preprocessing.form, network.reader
    if not isinstance(form, TablePreprocessing) or not isinstance(reader, ChannelReader):
        raise GatewiseError(
            "the model reads each word letter by letter, in both directions, so it can't stream; a labeller "
            "of channels with bidirectional=False does"
        )
    return LabelStepwise(network, reader, form)
