"""An encoder and one step of its decoder as two graphs, for any search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.data.tokenizers.sentences import BEGIN, END, PADDING, UNKNOWN
from gatewise.modules.attention import Memory
from gatewise.modules.decoders import Context, PlainDecoder
from gatewise.modules.network import Network
from gatewise.shipping.deployed import Deployed, Field
from gatewise.shipping.packed_state import PackedState

Step = Callable[[Tensor, Context], tuple[Tensor, Context, Tensor | None]]


class DeployedDecoder(Deployed):
    """The logits of the next symbol, from the last one and what the encoder returned.

    network: whose step it is; step: as of `modules.beam_search`, which may change the logits it returns
    context: an example of what the encoder returns; symbols: V
    attends: whether the decoder reads the memory of the encoder
    """

    network: Network
    packed: PackedState
    symbols: int

    def __init__(self, network: Network, step: Step, context: Context, symbols: int, attends: bool) -> None:
        packed = PackedState(context.state)
        results = [
            Field(
                "logits", "float32", ("batch", symbols), "of the next symbol; -infinity if it can't follow"
            ),
            Field("next_state", "float32", ("batch", packed.width), "`state` of the next step"),
        ]
        if attends:
            about = "the weights of the encoder's positions, which sum to 1"
            results.append(Field("attention", "float32", ("batch", "positions"), about))
        about = f"the last symbol, {BEGIN} at the beginning"
        inputs = [
            Field("symbols", "int64", ("batch",), about),
            Field("state", "float32", ("batch", packed.width), "as returned, by the encoder at first"),
            *(memory_fields(context.memory) if attends else []),
        ]
        super().__init__(inputs, results, {})
        self.network, self.packed, self.symbols = network, packed, symbols
        self.advance = step

    def forward(
        self,
        symbols: Tensor,
        state: Tensor,
        values: Tensor | None = None,
        keys: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        """Logits [B, V], the next state, and attention [B, S]."""
        if values is None or keys is None or mask is None:
            values = keys = state.new_zeros(symbols.shape[0], 0, 0)
            mask = symbols.new_zeros(symbols.shape[0], 0, dtype=torch.bool)
        context = Context(self.packed.unpack(state), Memory(values, keys, mask))
        logits, after, weights = self.advance(symbols, context)
        results = (logits, self.packed.pack(after.state))
        return results if weights is None else (*results, weights)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        rows, positions, found = sizes["batch"], sizes["time"], {}
        for field in self.inputs:
            shape = [{"batch": rows, "positions": positions}.get(str(axis), axis) for axis in field.axes]
            found[field.name] = torch.rand([int(axis) for axis in shape], generator=random)
        found["symbols"] = torch.randint(END, self.symbols, (rows,), generator=random)
        if "mask" in found:
            lengths = torch.randint(1, positions + 1, (rows, 1), generator=random)
            found["mask"] = torch.arange(positions) < lengths
        return found


class DeployedEncoder(Deployed):
    """What a decoder reads of a source. `step` is one of the decoder, which is exported beside it.

    network: the encoder and the decoder; inputs: of the encoder; decoder: the network's
    context, step, symbols: as in `DeployedDecoder`
    description: what stays outside; its "limit" is that of the symbols of an output with its end,
        `ceil(ratio * length) + extra`
    """

    step: DeployedDecoder
    network: Network
    packed: PackedState
    attends: bool

    def __init__(
        self,
        network: Network,
        inputs: Sequence[Field],
        description: dict[str, Any],
        decoder: torch.nn.Module,
        context: Context,
        step: Step,
        symbols: int,
    ) -> None:
        attends = not isinstance(decoder, PlainDecoder)
        packed = PackedState(context.state)
        about = "the state before the first step of the decoder"
        results = [Field("state", "float32", ("batch", packed.width), about)]
        results += memory_fields(context.memory) if attends else []
        special = {"padding": PADDING, "unknown": UNKNOWN, "begin": BEGIN, "end": END}
        super().__init__(inputs, results, {**description, **special})
        self.network, self.packed, self.attends = network, packed, attends
        self.step = DeployedDecoder(network, step, context, symbols, attends)

    def results_of(self, context: Context) -> tuple[Tensor, ...]:
        """What `forward` returns."""
        state = self.packed.pack(context.state)
        return (state, *context.memory) if self.attends else (state,)


def memory_fields(memory: Memory) -> list[Field]:
    """The fields of what a decoder attends to."""
    axes = ("batch", "positions")
    values, keys = memory.values.shape[-1], memory.keys.shape[-1]
    return [
        Field("values", "float32", (*axes, values), "the encoder's output at each position"),
        Field("keys", "float32", (*axes, keys), "what queries are compared with"),
        Field("mask", "bool", axes, "whether a position is not padding"),
    ]
