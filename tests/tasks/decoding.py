"""Greedy search with the two parts of a deployed encoder and decoder."""

import torch

from gatewise.data.tokenizers.sentences import BEGIN, END


def greedy(deployed, given, limits):
    """The most probable symbols of each source, one after another, up to the end or a limit."""
    with torch.no_grad():
        state, *memory = deployed(**given)
        symbols, rows = torch.full((len(limits),), BEGIN), []
        for _ in range(int(max(limits))):
            logits, state, *_ = deployed.step(symbols, state, *memory)
            symbols = logits.argmax(-1)
            rows.append(symbols)
    found = []
    for row, limit in zip(torch.stack(rows, 1).tolist(), limits, strict=True):
        found.append(row[: row.index(END)] if END in row[:limit] else row[:limit])
    return found
