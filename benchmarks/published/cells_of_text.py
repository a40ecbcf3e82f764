"""Units of a model of text that anyone can name: inside a string, position in the line, depth of brackets.

The paper (Karpathy, Johnson and Li 2015, Visualizing and understanding recurrent networks) shows, for models
of Tolstoy and of the Linux kernel, single memories that follow quotations, comments, the length of a line,
indentation and brackets. They were found by eye.

Ours: an LSTM over characters of Python's own library, as it lies beside the interpreter; then it reads the
source of gatewise, which it has never seen. For each signal, `correlated_units` (`gatewise.insight.units`)
finds the cell state with the strongest correlation on one half of that text; its correlation on the other
half is reported. The network before training is the control: some unit of many always correlates.
"""

from __future__ import annotations

import io
import sysconfig
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from experiment import arguments, record
from shakespeare import measured

import gatewise
from gatewise.data.tokenizers.streams import StreamTokenizer, stream_tokenizer
from gatewise.files import write_whole
from gatewise.insight.signals import line_positions
from gatewise.insight.trace import LayerTrace, trace
from gatewise.insight.units import correlated_units
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.serialization import load_model

PAPER = "single cells for quotations, line lengths, comments, indentation; no correlation is given"
DRAWN = ("inside a string", "position in the line")
LINES, WIDTH = 17, 108


def python_files(folder: Path) -> Iterator[str]:
    """The texts of modules below a folder, those in ASCII that Python itself can read."""
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        text = path.read_bytes().decode("ascii", errors="replace").replace("\r\n", "\n")
        if "�" not in text and not {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(parts):
            yield text


def joined(texts: Iterator[str], characters: int) -> str:
    """The first texts, one after another, that together have at most this number of characters."""
    found, size = [], 0
    for text in texts:
        size += len(text)
        if size > characters:
            break
        found.append(text)
    return "".join(found)


def source_signals(text: str) -> dict[str, np.ndarray]:
    """[characters] each, by Python's own tokens: what a reader of a module keeps in mind."""
    lines = text.splitlines(keepends=True)
    begins = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    strings, comments, depth = (np.zeros(len(text)) for _ in range(3))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        first, last = (int(begins[row - 1]) + column for row, column in (token.start, token.end))
        if token.type == tokenize.STRING:
            strings[first : last - 1] = 1  # its last mark ends it
        elif token.type == tokenize.COMMENT:
            comments[first:last] = 1
        elif token.type == tokenize.OP and token.string in "([{":
            depth[first:] += 1
        elif token.type == tokenize.OP and token.string in ")]}":
            depth[first:] -= 1
    indents = [np.full(len(line), len(line) - len(line.lstrip(" ")), float) for line in lines]
    return {
        "inside a string": strings,
        "inside a comment": comments,
        "depth of brackets": depth,
        "position in the line": line_positions(text),
        "indentation": np.concatenate(indents),
    }


def read(network: LanguageModel, tokenizer: StreamTokenizer, text: str) -> LayerTrace:
    """What the lowest layer does over a text."""
    symbols = torch.from_numpy(tokenizer.encode(text.encode()).astype(np.int64))[None]
    with torch.no_grad():
        return trace(network.eval(), symbols).layers[0]


def closest(found: LayerTrace, signals: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """For each signal the memory that follows it most closely in one half, and how it does in the other."""
    half = len(signals["indentation"]) // 2
    first, other = (_part(found, signals, part) for part in (slice(0, half), slice(half, None)))
    output = {}
    for name in signals:
        unit = first.filter(signal=name, state="c")["unit"][0]
        again = other.filter(signal=name, state="c", unit=unit)["correlation"][0]
        output[name] = {"unit": unit, "correlation on the other half": again}
    return output


def _part(found: LayerTrace, signals: dict[str, np.ndarray], part: slice) -> pl.DataFrame:
    states = {name: values[:, part] for name, values in found.states.items()}
    return correlated_units(
        LayerTrace(found.module, 0, found.layer, found.direction, found.cell, states, {}),
        {name: values[part] for name, values in signals.items()},
    )


def draw(text: str, found: LayerTrace, units: dict[str, dict[str, Any]], path: Path) -> None:
    """Some lines of a text, coloured by the memories that were found."""
    from matplotlib.figure import Figure

    lines = text.splitlines()[:LINES]
    figure = Figure(figsize=(11.5, 3.6 * len(DRAWN)), layout="constrained")
    for axes, name in zip(figure.subplots(len(DRAWN), 1), DRAWN, strict=True):
        unit = units[name]["unit"]
        values = found.states["c"][0, :, unit].tanh().numpy()
        cells, place = np.full((len(lines), WIDTH), np.nan), 0
        for row, line in enumerate(lines):
            cells[row, : len(line)] = values[place : place + len(line)]
            place += len(line) + 1
            for column, character in enumerate(line):
                axes.text(
                    column, row, character, ha="center", va="center", family="monospace", fontsize=7.5,
                    parse_math=False,
                )  # fmt: skip
        borders = (np.arange(size + 1) - 0.5 for size in reversed(cells.shape))
        image = axes.pcolormesh(*borders, cells, cmap="RdBu_r", vmin=-1, vmax=1, alpha=0.55)
        axes.invert_yaxis()
        axes.set_axis_off()
        output = f"unit {unit}: {name}, correlation {units[name]['correlation on the other half']:.2f}"
        axes.set_title(output, loc="left", fontsize=11)
        figure.colorbar(image, ax=axes, label="tanh(c)", shrink=0.7, pad=0.01)
    write_whole(path, lambda partial: figure.savefig(partial, dpi=130, format="png"))


if __name__ == "__main__":
    settings = arguments(
        __doc__, characters=1_500_000, looked=60_000, hidden=256, epochs=8, run="", picture="", threads=1
    )
    torch.set_num_threads(settings.threads)
    begun, home = time.monotonic(), Path(settings.run or "runs/cells-of-text")
    home.mkdir(parents=True, exist_ok=True)
    library = joined(python_files(Path(sysconfig.get_paths()["stdlib"])), settings.characters)
    write_whole(home / "library.txt", lambda partial: partial.write_text(library))
    if not (home / "model" / "model.json").is_file():
        measured(home / "library.txt", home / "model", hidden=settings.hidden, epochs=settings.epochs)
    model = load_model(home / "model")
    tokenizer = stream_tokenizer(model.preprocessing["tokenizer"])
    own = joined(python_files(Path(gatewise.__file__).parent / "layers"), settings.looked)
    signals = source_signals(own)
    found = read(model.network, tokenizer, own)
    trained = closest(found, signals)
    torch.manual_seed(settings.seed)
    fresh = LanguageModel.from_options(model.network.options())
    untrained = closest(read(fresh, tokenizer, own), signals)
    if settings.picture:
        draw(own, found, trained, Path(settings.picture))
    del settings.run, settings.picture  # where they lie is no part of the result
    results = {"trained": trained, "before training": untrained}
    record("cells-of-text", settings, PAPER, results, (time.monotonic() - begun) / 60)
