"""Why a symbol is likely: by those before it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gatewise.data.text.alphabet import Alphabet
from gatewise.insight.attribution import attribute_through
from gatewise.report.attribution import closely, coloured, explained
from gatewise.report.example import Explained, Track
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.generate.network import NextSymbol


def explain_generate(
    network: NextSymbol, alphabet: Alphabet, symbols: Tensor, read: Track, step: int | None
) -> Explained:
    """The log-probability of the symbol that follows a step, by the symbols up to there."""
    assert isinstance(network, LanguageModel)
    count = symbols.shape[1] - 1
    step = count - 1 if step is None else min(step, count - 1)
    follows = int(symbols[0, step + 1])

    def chance(symbols: Tensor) -> Tensor:
        return network(symbols)[0][-1].log_softmax(-1)[:, follows]

    found = closely(
        lambda points: attribute_through(
            network.embedding, chance, symbols[:, : step + 1], steps=points, batch_first=False
        )
    )
    values = np.full(count, np.nan)
    values[: step + 1] = found.values[0].double().numpy()
    what = f"ln p of {alphabet.shown(follows)!r} after step {step}"
    return explained(found, what, "where every symbol's vector is zero", values, (coloured(read, values),))
