"""Attribution of a predicted symbol to the symbols before it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gatewise.data.text.alphabet import Alphabet
from gatewise.insight.attribution import attribute_through
from gatewise.report.attribution import accurate_attribution, in_data_units, symbol_track
from gatewise.report.example import ExampleAttribution, Track
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.network import NextSymbol


def explain_generate(
    network: NextSymbol, alphabet: Alphabet, symbols: Tensor, read: Track, step: int | None
) -> ExampleAttribution:
    """Attributes the log-probability of the symbol after a step to the symbols up to that step."""
    assert isinstance(network, LanguageModel)
    count = symbols.shape[1] - 1
    step = count - 1 if step is None else min(step, count - 1)
    follows = int(symbols[0, step + 1])

    def log_probability(symbols: Tensor) -> Tensor:
        return network(symbols)[0][-1].log_softmax(-1)[:, follows]

    attribution = accurate_attribution(
        lambda points: attribute_through(
            network.embedding, log_probability, symbols[:, : step + 1], steps=points, batch_first=False
        )
    )
    values = np.full(count, np.nan)
    values[: step + 1] = attribution.values[0].double().numpy()
    what = f"ln p of {alphabet.shown(follows)!r} after step {step}"
    return in_data_units(
        attribution, what, "where every embedding is zero", values, (symbol_track(read, values),)
    )
