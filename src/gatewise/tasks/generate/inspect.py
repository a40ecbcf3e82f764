"""A stretch of the test set for inspection, and the attribution of a predicted symbol to those before it."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from gatewise.data.text.streams import TextBatch
from gatewise.data.tokenizers.streams import StreamTokenizer
from gatewise.insight.attribution import attribute_through
from gatewise.modules.network import Network
from gatewise.report.attribution import accurate_attribution, in_data_units, symbol_track
from gatewise.report.example import Example, ExampleAttribution, Line, Track, require_example
from gatewise.tasks.generate.data import TextData
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.network import NextSymbol, symbol_nll

EXAMPLE_SIZE = 160  # symbols


def inspect_text(network: Network, data: TextData, number: int) -> Example:
    """Some symbols of the test set, read from the initial state, with the NLL of each next symbol.

    Raises: `GatewiseError` if there is no stretch of that number.
    """
    text = data.test.text
    require_example(
        number,
        (len(text) - 2) // EXAMPLE_SIZE + 1,
        f"stretches of {EXAMPLE_SIZE} symbols in the test set",
    )
    first = number * EXAMPLE_SIZE
    symbols = torch.from_numpy(text.symbols(first, min(first + EXAMPLE_SIZE + 1, len(text))))[None]
    assert isinstance(network, NextSymbol)
    nats = symbol_nll(network, symbols)[0].double().numpy()
    symbol_names = tuple(data.tokenizer.display(symbol) for symbol in symbols[0, :-1].tolist())
    tracks = (
        Track("read", symbols=symbol_names),
        Track("nats of the next symbol", (Line("nats", nats),)),
    )
    prediction = f"{nats.mean():.3f} nats/symbol"
    last = partial(network.loss, TextBatch(symbols, True, symbols.shape[1] - 2))
    name = f"test set from symbol {first}"
    return Example(
        TextBatch(symbols, True, 0),
        name,
        tracks,
        prediction,
        unit="symbol",
        last=last,
        attribute=partial(explain_generate, network, data.tokenizer, symbols, tracks[0]),
    )


def explain_generate(
    network: NextSymbol, tokenizer: StreamTokenizer, symbols: Tensor, track: Track, step: int | None
) -> ExampleAttribution:
    """Attributes the log-probability of the symbol after a step to the symbols up to that step."""
    assert isinstance(network, LanguageModel)
    count = symbols.shape[1] - 1
    step = count - 1 if step is None else min(step, count - 1)
    next_symbol = int(symbols[0, step + 1])

    def log_probability(symbols: Tensor) -> Tensor:
        return network(symbols)[0][-1].log_softmax(-1)[:, next_symbol]

    attribution = accurate_attribution(
        lambda points: attribute_through(
            network.embedding, log_probability, symbols[:, : step + 1], steps=points, batch_first=False
        )
    )
    values = np.full(count, np.nan)
    values[: step + 1] = attribution.values[0].double().numpy()
    output = f"ln p of {tokenizer.display(next_symbol)!r} after step {step}"
    return in_data_units(
        attribution, output, "where every embedding is zero", values, (symbol_track(track, values),)
    )
