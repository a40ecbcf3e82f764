"""`gatewise sample`: a trained model goes on with a text, or draws sequences of vectors."""

from __future__ import annotations

import sys
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from gatewise.cli.outputs import MARK, require_output, write_table
from gatewise.cli.parameters import RUN
from gatewise.data.text.alphabet import alphabet_from
from gatewise.errors import GatewiseError
from gatewise.plots.saving import save_picture
from gatewise.tasks.generate.network import NextSymbol
from gatewise.tasks.generate.sampling import SamplingConfig, generate_text
from gatewise.tasks.generate_vectors.network import SequenceModel
from gatewise.tasks.serialization import SavedModel, load_model
from gatewise.terminal import printable
from gatewise.training.progress import console

SYMBOLS = 500
OF_TEXT, OF_VECTORS = "For a model of text", "For a model of vectors"


def _option(about: str, panel: str | None = None, **bounds: Any) -> Any:
    return typer.Option(help=about, rich_help_panel=panel, show_default=False, **bounds)


LENGTH = Annotated[int | None, _option("Symbols (500) or steps (as in training) to draw.", min=1)]
SEED = Annotated[int | None, _option("Draws the same again.", min=0)]
PRIME = Annotated[str | None, _option("What to go on with; a new line if not given.", OF_TEXT)]
TEMPERATURE = Annotated[
    float | None,
    _option("Below 1 likely symbols become likelier; 0 takes the likeliest. (0.8)", OF_TEXT, min=0),
]
TOP_K = Annotated[int | None, _option("Only from so many of the likeliest; 0 for all. (0)", OF_TEXT, min=0)]
TOP_P = Annotated[
    float | None, _option("Only from the likeliest of this probability together. (1)", OF_TEXT, min=0, max=1)
]
OUT = Annotated[
    Path | None,
    _option("The CSV or Parquet file to write, replaced where it exists; a .png goes beside it.", OF_VECTORS),
]
COUNT = Annotated[int | None, _option("Sequences to draw. (3)", OF_VECTORS, min=1)]
BIAS = Annotated[
    float | None, _option("Above 0, real channels stay closer to what is likeliest. (0)", OF_VECTORS, min=0)
]


def add(app: typer.Typer, about: str) -> None:
    """Adds the verb."""
    app.command("sample", help=about)(draw)


def draw(
    run: RUN,
    length: LENGTH = None,
    seed: SEED = None,
    prime: PRIME = None,
    temperature: TEMPERATURE = None,
    top_k: TOP_K = None,
    top_p: TOP_P = None,
    out: OUT = None,
    count: COUNT = None,
    bias: BIAS = None,
) -> None:
    """Go on with a text, symbol by symbol, or draw sequences of vectors, step by step."""
    saved = load_model(run)
    seed = torch.Generator().seed() % 2**31 if seed is None else seed
    of_text = {"prime": prime, "temperature": temperature, "top-k": top_k, "top-p": top_p}
    of_vectors = {"out": out, "count": count, "bias": bias}
    if isinstance(saved.network, NextSymbol):
        _refuse(of_vectors, "vectors", run)
        _draw_text(saved, length or SYMBOLS, seed, **_given(of_text))
    elif isinstance(saved.network, SequenceModel):
        _refuse(of_text, "text", run)
        _draw_vectors(saved, run, length, seed, **_given(of_vectors))
    else:
        raise GatewiseError(
            f"{str(run)!r} holds a model of {saved.task!r}; only one of 'generate' can draw something"
        )


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in options.items() if value is not None}


def _refuse(options: dict[str, Any], kind: str, run: Path) -> None:
    """Errors: `GatewiseError` where an option is given that only a model of another kind has."""
    for name in _given(options):
        raise GatewiseError(
            f"--{name.replace('_', '-')} is for a model of {kind}; {str(run)!r} holds another: leave it out"
        )


def _draw_text(
    saved: SavedModel, length: int, seed: int, prime: str = "", temperature: float = 0.8, top_k: int = 0,
    top_p: float = 1.0,
) -> None:  # fmt: skip
    assert isinstance(saved.network, NextSymbol)
    alphabet = alphabet_from(saved.reading.get("alphabet", {}))
    taste, generator = SamplingConfig(temperature, top_k, top_p), torch.Generator().manual_seed(seed)
    drawn = generate_text(saved.network, alphabet, prime, taste, generator)
    first = next(drawn)  # a prime that can't be read is refused before anything is shown
    shown = printable if sys.stdout.isatty() else str  # a file gets every symbol as it is
    for piece in chain((prime, first), islice(drawn, length - 1)):
        sys.stdout.write(shown(piece))
        sys.stdout.flush()
    sys.stdout.write("\n")


def _draw_vectors(
    saved: SavedModel, run: Path, length: int | None, seed: int, out: Path | None = None, count: int = 3,
    bias: float = 0.0,
) -> None:  # fmt: skip
    from gatewise.tasks.generate_vectors.data import VectorReading
    from gatewise.tasks.generate_vectors.plots import draw_vectors
    from gatewise.tasks.generate_vectors.task import sample
    from gatewise.tasks.preprocessing import read_as

    if out is None or out.suffix.lower() not in (".csv", ".parquet"):
        got = "" if out is None else f", not {str(out)!r}"
        raise GatewiseError(f"vectors make a table: give --out FILE.csv or FILE.parquet{got}")
    picture = out.with_suffix(".png")
    require_output(out, "a .csv or .parquet file", run=run)
    require_output(picture, "a file whose .png is", MARK, run=run)
    assert isinstance(saved.network, SequenceModel)
    reading = read_as(VectorReading, saved)
    drawn = sample(saved.network, reading, length or reading.steps, count, bias, seed)
    frame = reading.as_table(drawn)
    write_table(frame, out)
    save_picture(draw_vectors({f"drawn by {saved.name}": drawn}, reading.look), picture)
    console.print(f"wrote {out}: {len(drawn)} sequences of {len(drawn[0])} steps; {picture} shows them")
