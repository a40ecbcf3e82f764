"""`gatewise sample`: a trained model of text goes on with a text."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import Annotated

import torch
import typer

from gatewise.cli.parameters import RUN
from gatewise.data.alphabet import alphabet_from
from gatewise.errors import GatewiseError
from gatewise.networks.next_symbol import NextSymbol
from gatewise.networks.sampling import Taste, write_on
from gatewise.networks.saving import load_model

PRIME = Annotated[str, typer.Option(help="What to go on with; a new line if not given.", show_default=False)]
LENGTH = Annotated[int, typer.Option(min=1, help="Symbols to draw.")]
TEMPERATURE = Annotated[
    float, typer.Option(min=0, help="Below 1 likely symbols become likelier; 0 takes the likeliest.")
]
TOP_K = Annotated[int, typer.Option(min=0, help="Only from so many of the likeliest; 0 for all.")]
TOP_P = Annotated[
    float, typer.Option(min=0, max=1, help="Only from the likeliest of this probability together.")
]
SEED = Annotated[int | None, typer.Option(min=0, help="Draws the same text again.", show_default=False)]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("sample", help=about)(draw)


def draw(
    run: RUN,
    prime: PRIME = "",
    length: LENGTH = 500,
    temperature: TEMPERATURE = 0.8,
    top_k: TOP_K = 0,
    top_p: TOP_P = 1.0,
    seed: SEED = None,
) -> None:
    """Go on with a text, symbol by symbol."""
    saved = load_model(run)
    if not isinstance(saved.network, NextSymbol):
        raise GatewiseError(
            f"{str(run)!r} holds a model of {saved.task!r}; only one of text can go on with a text"
        )
    alphabet = alphabet_from(saved.reading.get("alphabet", {}))
    generator = torch.Generator()
    generator.seed() if seed is None else generator.manual_seed(seed)
    drawn = write_on(saved.network, alphabet, prime, Taste(temperature, top_k, top_p), generator)
    first = next(drawn)  # a prime that can't be read is refused before anything is shown
    for piece in chain((prime, first), islice(drawn, length - 1)):
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
