"""Damages small files of every form of data, and reads each by its task: it is read, or refused in one line.

python benchmarks/fuzz/data.py --minutes 5            # all forms, other damage each time
python benchmarks/fuzz/data.py --form pairs.csv       # one of them
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import math
import resource
import shutil
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gatewise.errors import GatewiseError
from gatewise.tasks import find_task

MEMORY, SECONDS = 12 << 30, 30  # of the long form: what a process may map, and what a file may take
LONGEST_LINE = 4000
TOKENS = [
    b'"', b"'", b"\0", b"\r", b"\n", b"\n\n", b",", b";", b"\t", b":", b"#", b"# 1\n", b"@", b"=1+1", b"\\",
    b"%", b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\x1b[31m", "\u202eé\u00a0".encode(), b"../", b"?", b"",
    b"/etc/hostname", b"nan", b"inf", b"-inf", b"1e400", b"-1e31", b"1_000", b"1.000,5", b"9" * 30, b"-",
    b"2024-02-30", b"True",
]  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A kind of data: a task, its options, and files by name, of which `damaged` is the one to damage.

    given: what the task reads, by default the damaged file; wrap: puts the damaged bytes into their archive
    """

    task: str
    damaged: str
    files: Callable[[], dict[str, bytes]]
    options: dict[str, Any] = field(default_factory=dict)
    given: str | None = None
    wrap: Callable[[bytes], bytes] = lambda content: content


def read(form: Form, folder: Path, damage: list[tuple[str, int, int]]) -> str | None:
    """Reads a damaged file. Returns why it was refused, None where it was read.

    Raises `AssertionError` where values are not finite, or a refusal is not one line; whatever else is raised
    is a fault too.
    """
    for name, content in form.files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(form.wrap(damaged(content, damage)) if name == form.damaged else content)
    task = find_task(form.task)
    options = {name: _placed(value, folder) for name, value in form.options.items()}
    try:
        data = task.read(
            folder / (form.damaged if form.given is None else form.given), task.options(**options)
        )
        for part in (data.train, data.validation, data.test):
            if hasattr(part, "__getitems__") and len(part):
                _check_finite(part.__getitems__(list(range(min(len(part), 4)))))
        for note in data.notes:
            assert "\n" not in note, note
    except (GatewiseError, OSError) as error:
        refusal = str(error)
    else:
        return None
    assert 0 < len(refusal) < LONGEST_LINE, refusal[:LONGEST_LINE]
    assert "\n" not in refusal, refusal
    return refusal


def damaged(content: bytes, damage: list[tuple[str, int, int]]) -> bytes:
    """The content after some kinds of damage; each has a name and two numbers for where and how."""
    for kind, first, second in damage:
        content = DAMAGE[kind](content, first, second)
    return content


def damages() -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """Up to three kinds of damage."""
    number = st.integers(0, 2**20)
    return st.lists(st.tuples(st.sampled_from(sorted(DAMAGE)), number, number), min_size=1, max_size=3)


def _placed(value: Any, folder: Path) -> Any:
    if isinstance(value, str) and value.startswith("./"):
        return str(folder / value)
    return value


def _check_finite(batch: Any) -> None:
    for one in batch if isinstance(batch, tuple) else (batch,):
        if isinstance(one, torch.Tensor) and one.is_floating_point():
            assert torch.isfinite(one).all(), "values that are not finite were read"


def _in_lines(change: Callable[[list[bytes], int, int], object]) -> Callable[[bytes, int, int], bytes]:
    def damage(content: bytes, first: int, second: int) -> bytes:
        lines = content.split(b"\n")
        change(lines, first % len(lines), second % len(lines))
        return b"\n".join(lines)

    return damage


def _in_cells(change: Callable[[list[bytes], int, int], object]) -> Callable[[bytes, int, int], bytes]:
    """The same change to the cells of every line."""

    def damage(content: bytes, first: int, second: int) -> bytes:
        between = max((b",", b"\t", b":", b" "), key=content.count)
        lines = [line.split(between) for line in content.split(b"\n")]
        for cells in lines:
            change(cells, first % len(cells), second)
        return b"\n".join(between.join(cells) for cells in lines)

    return damage


def _swap(lines: list[bytes], first: int, second: int) -> None:
    lines[first], lines[second] = lines[second], lines[first]


def _cell(content: bytes, first: int, second: int) -> bytes:
    """Something strange in place of a cell."""
    cells = content.split(b",")
    cells[first % len(cells)] = TOKENS[second % len(TOKENS)]
    return b",".join(cells)


DAMAGE: dict[str, Callable[[bytes, int, int], bytes]] = {
    "flip": lambda content, first, second: (
        content[: first % (len(content) + 1)]
        + bytes([second % 256])
        + content[first % (len(content) + 1) + 1 :]
    ),
    "truncate": lambda content, first, _: content[: first % (len(content) + 1)],
    "insert": lambda content, first, second: (
        content[: first % (len(content) + 1)]
        + TOKENS[second % len(TOKENS)]
        + content[first % (len(content) + 1) :]
    ),
    "cut out": lambda content, first, second: (
        content[: first % (len(content) + 1)] + content[first % (len(content) + 1) + second % 64 :]
    ),
    "repeat": lambda content, first, second: content + content[first % (len(content) + 1) :] * (second % 3),
    "double a line": _in_lines(lambda lines, first, _: lines.insert(first, lines[first])),
    "delete a line": _in_lines(lambda lines, first, _: lines.pop(first)),
    "swap lines": _in_lines(_swap),
    "double a column": _in_cells(lambda cells, first, _: cells.insert(first, cells[first])),
    "delete a column": _in_cells(lambda cells, first, _: cells.pop(first)),
    "fill a column": _in_cells(
        lambda cells, first, second: cells.__setitem__(first, TOKENS[second % len(TOKENS)])
    ),
    "replace a cell": _cell,
    "other separators": lambda content, first, second: content.replace(
        b","[:], (b";", b"\t", b" ", b"|")[second % 4]
    ),
    "other code": lambda content, first, _: content.decode(errors="replace").encode(
        ("utf-16", "utf-32", "utf-8-sig", "utf-16-le")[first % 4]
    ),
    "zeros": lambda content, first, _: b"\0" * len(content) if first % 2 else b"0" * len(content),
    "old line breaks": lambda content, first, _: content.replace(b"\n", b"\r" if first % 2 else b"\r\n"),
}


def _csv(header: str, rows: int, row: Callable[[int], str], separator: str = ",") -> bytes:
    text = "\n".join([header, *(row(number) for number in range(rows))]) + "\n"
    return text.replace(",", separator).encode()


def _parquet(content: bytes) -> bytes:
    buffer = io.BytesIO()
    pl.read_csv(content, try_parse_dates=True).write_parquet(buffer)
    return buffer.getvalue()


def _series() -> bytes:
    return _csv(
        "time,value", 120, lambda number: f"{2000 + number // 12}-{number % 12 + 1:02}-01,{number % 7}.5"
    )


def _steps(labels: int) -> bytes:
    """Twelve sequences of six steps; labels: for how many rows a label stays."""
    return _csv(
        "id,t,x,y,label", 72,
        lambda n: f"s{n // 6},{n % 6},{math.sin(n):.3f},{n % 5},{'ab'[n // labels % 2]}",
    )  # fmt: skip


def _ts() -> bytes:
    rows = [f"{n}.5,{n % 3},1:{n % 4},2,{n}e-1:{'ab'[n % 2]}" for n in range(12)]
    header = ["@problemName x", "@univariate false", "@dimensions 2", "@equalLength true", "@seriesLength 3"]
    return "\n".join([*header, "@classLabel true a b", "@data", *rows, ""]).encode()


def _arff() -> bytes:
    attributes = [f"@attribute t{n} numeric" for n in range(3)]
    rows = [f"'{n}.5,{n % 3},1\\n{n % 4},2,?',{'ab'[n % 2]}" for n in range(12)]
    return "\n".join(
        [
            "@relation x",
            "@attribute bag relational",
            *attributes,
            "@end bag",
            "@attribute class {a,b}",
            "@data",
            *rows,
            "",
        ]
    ).encode()


def _day(number: int) -> str:
    return str(date(2024, 1, 1) + timedelta(days=number))


def _days() -> bytes:
    return "".join(f"{_day(n)},{n % 7}.5\n" for n in range(80)).encode()


def _wide_columns() -> bytes:
    return _csv("date,aud,gbp", 80, lambda n: f"{_day(n)},{n % 7}.5,{n % 5}.25")


def _wide_rows() -> bytes:
    names = [f"{2000 + n // 12}-{n % 12 + 1:02}" for n in range(40)]
    cells = [",".join(f"{(n + row) % 7}.5" for n in range(40)) for row in range(3)]
    return "\n".join(
        [",".join(["page", *names]), *(f"p{n},{one}" for n, one in enumerate(cells)), ""]
    ).encode()


def _tsf() -> bytes:
    header = ["# x", "@relation x", "@attribute series_name string", "@attribute start_timestamp date"]
    header += ["@frequency monthly", "@horizon 3", "@missing true", "@equallength true", "@data"]
    values = [",".join("?" if step == 9 else f"{(step + n) % 7}.5" for step in range(60)) for n in range(3)]
    rows = [f"T{n}:19{70 + n}-01-01 00-00-00:{one}" for n, one in enumerate(values)]
    return "\n".join([*header, *rows, ""]).encode()


def _comments() -> bytes:
    rows = [f"{n},{n % 7}.5\n" + "# moved\n" * (n % 9 == 0) for n in range(80)]
    return ("# Loads, in MW\n# hourly\nhour,load\n" + "".join(rows)).encode()


def _wide_steps() -> bytes:
    names = ",".join(f"t{step}" for step in range(9))
    return _csv(
        f"id,label,{names}", 12, lambda n: f"s{n},{'ab'[n % 2]},{','.join(f'{n}.{k}' for k in range(9))}"
    )


def _ucr() -> bytes:
    return "".join(
        f"{n % 2 + 1}\t" + "\t".join(f"{n}.{k}" for k in range(9)) + "\n" for n in range(12)
    ).encode()


def _timed_ts() -> bytes:
    channel = "(2024-01-01 00:00:00,{n}.5),(2024-01-01 01:00:00,2),(2024-01-01 02:00:00,1e-1)"
    rows = [f"{channel.format(n=n)}:{channel.format(n=n % 3)}:{'ab'[n % 2]}" for n in range(12)]
    header = ["@problemName x", "@timeStamps true", "@univariate false", "@classLabel true a b", "@data"]
    return "\n".join([*header, *rows, ""]).encode()


def _sparse_arff() -> bytes:
    attributes = [f"@attribute t{n} numeric" for n in range(4)]
    rows = [f"{{0 {n}.5, 2 {n % 3}, 4 b}}" if n % 2 else f"{{1 {n}.5}}" for n in range(12)]
    return "\n".join(["@relation x", *attributes, "@attribute class {a,b}", "@data", *rows, ""]).encode()


def _bioes() -> bytes:
    tags = ("B-X", "E-X", "O", "S-Y", "O")
    return b"".join(
        "".join(f"w{n % 5}{k} {tag}\n" for k, tag in enumerate(tags)).encode() + b"\n" for n in range(12)
    )


def _tatoeba() -> bytes:
    return "".join(
        f"{n + 1276}\tthe dog {n % 9}.\t{n + 5000}\tle chien {n % 9}.\n" for n in range(24)
    ).encode()


def _no_names() -> bytes:
    return "".join(f"{n},The dog {n % 9}.,Le chien {n % 9}.\n" for n in range(24)).encode()


def _zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", content)
    return buffer.getvalue()


def _arrays(sequences: bytes, y: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("X.npy", sequences)
        archive.writestr("y.npy", _npy(np.array(["a", "b"] * 6)) if y is None else y)
    return buffer.getvalue()


def _targets() -> bytes:
    """Sequences with a number each."""
    return _csv("id,t,x,y,target", 72, lambda n: f"s{n // 6},{n % 6},{n % 7}.5,{n % 5},{n // 6}.25")


def _target_ts() -> bytes:
    rows = [f"{n}.5,{n % 3},1:{n % 4},2,{n}e-1:{n}.25" for n in range(12)]
    header = ["@problemName x", "@univariate false", "@dimensions 2", "@targetLabel true", "@data"]
    return "\n".join([*header, *rows, ""]).encode()


def _sets() -> bytes:
    """Sequences with any number of labels, in one column."""
    names = ("", "p", "q", "p;q")
    return _csv("id,t,x,label", 96, lambda n: f"s{n // 6},{n % 6},{n % 7}.5,{names[n // 6 % 4]}")


def _flags() -> bytes:
    """Sequences with a column of 0 and 1 for each label."""
    return _csv("id,t,x,p,q", 96, lambda n: f"s{n // 6},{n % 6},{n % 7}.5,{n // 6 % 2},{n // 12 % 2}")


def _gaps() -> bytes:
    """Sequences with times and empty cells."""
    return _csv(
        "id,t,x,y,label", 72, lambda n: f"s{n // 6},{n}.5,{'' if n % 4 else n},{n % 5},{'ab'[n // 6 % 2]}"
    )


def _words() -> bytes:
    rows = (f"{f's{n // 4}' if n % 4 == 0 else ''},w{n % 5},{'ab'[n % 2]}" for n in range(48))
    return "\n".join(["sentence,word,tag", *rows, ""]).encode()


def _texts() -> bytes:
    return "".join(f'{{"id": {n}, "text": "A bee, and so on {n}."}}\n' for n in range(30)).encode()


def _sequences() -> bytes:
    return _npy(np.arange(12 * 5 * 2, dtype=np.float32).reshape(12, 5, 2))


def _json_lines() -> bytes:
    return "".join(f'{{"t": "{_day(n)}", "y": {n % 7}.5}}\n' for n in range(80)).encode()


def _parquet_folder() -> dict[str, bytes]:
    return {f"data/shop={n}/0.parquet": _parquet(_series()) for n in range(2)}


def _coco() -> dict[str, bytes]:
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(10)]
    annotations = [{"image_id": n, "caption": f"{'ab'[n % 2]} {n % 3}"} for n in range(10)]
    text = json.dumps({"images": images, "annotations": annotations}, indent=0)
    return {f"data/{n}.png": _image("png") for n in range(10)} | {"data/captions.json": text.encode()}


def _tokens() -> dict[str, bytes]:
    lines = "".join(f"{n}.png#{k}\t{'ab'[n % 2]} {k}\n" for n in range(10) for k in range(2))
    return {f"data/{n}.png": _image("png") for n in range(10)} | {"data/results.token": lines.encode()}


def _tagged() -> bytes:
    return b"-DOCSTART- O\n\n" + b"".join(
        b"# %d\nThe O\n%s B-X\n# O\n\n" % (n, (b"dog", b"cat", b"#tag")[n % 3]) for n in range(12)
    )


def _conllu() -> bytes:
    return b"".join(
        b"# sent_id = %d\n1-2\tdel\t_\t_\n1\tde\tde\tADP\n2\tel\tel\tDET\n2.1\tx\tx\tX\n3\tmar\tmar\tNOUN\n\n"
        % n
        for n in range(12)
    )


def _pairs(separator: str = ",") -> bytes:
    return _csv("n,en,fr", 24, lambda n: f"{n},the dog {n % 9},le chien {n % 9}", separator)


def _lines(word: str) -> bytes:
    return "".join(f"{word} {number}\n" for number in range(24)).encode()


def _image(kind: str, mode: str = "L", size: tuple[int, int] = (6, 5), **options: Any) -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(size[0] * size[1], dtype=np.uint16 if mode == "I;16" else np.uint8).reshape(size[::-1])
    image = Image.fromarray(pixels)
    (image if mode == "I;16" else image.convert(mode)).save(buffer, kind, **options)
    return buffer.getvalue()


def _image_folder(kind: str, mode: str = "L") -> dict[str, bytes]:
    plain = _image("png", "RGB" if mode == "RGB" else "L")
    files = {f"data/{'ab'[n % 2]}/{n}.png": plain for n in range(1, 14)}
    return files | {f"data/a/0.{kind}": _image(kind, mode)}


def _clips() -> dict[str, bytes]:
    frames = [Image.new("L", (4, 4), 20 * n) for n in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "gif", save_all=True, append_images=frames[1:])
    return {f"data/{'ab'[n % 2]}/{n}.gif": buffer.getvalue() for n in range(12)}


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _frames() -> bytes:
    return _npy(np.arange(12 * 3 * 16, dtype=np.uint8).reshape(12, 3, 4, 4))


def _npz(frames: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("frames.npy", frames)
        archive.writestr("labels.npy", _npy(np.array(["a", "b"] * 6)))
    return buffer.getvalue()


def _captions(column: str) -> dict[str, bytes]:
    table = _csv(f"file,{column}", 10, lambda n: f"{n}.png,{'ab'[n % 2]} {n % 3}")
    return {f"data/{n}.png": _image("png", size=(12, 5)) for n in range(10)} | {"data/captions.csv": table}


def _signals() -> dict[str, bytes]:
    steps = _csv("id,t,x", 60, lambda n: f"s{n // 5},{n % 5},{n % 7}.5")
    return {"signals.csv": steps, "targets.csv": _csv("id,text", 12, lambda n: f"s{n},{'ab' * (n % 2 + 1)}")}


def _only(name: str, content: Callable[[], bytes]) -> Callable[[], dict[str, bytes]]:
    return lambda: {name: content()}


def _of_image(kind: str, mode: str = "L") -> Form:
    return Form("classify-images", f"data/a/0.{kind}", lambda: _image_folder(kind, mode), given="data")


def _text() -> bytes:
    return "A bee, ünd so on.\n".encode() * 30


SMALL_TEXT = {"batch_size": 1, "steps": 4}
FORMS = {
    "series.csv": Form("forecast", "a.csv", _only("a.csv", _series), {"horizon": 3}),
    "series.parquet": Form(
        "forecast", "a.parquet", _only("a.parquet", lambda: _parquet(_series())), {"horizon": 3}
    ),
    "headerless.csv": Form("forecast", "a.csv", _only("a.csv", _days), {"horizon": 3}),
    "wide columns.csv": Form(
        "forecast", "a.csv", _only("a.csv", _wide_columns), {"horizon": 3, "wide": "columns"}
    ),
    "wide rows.csv": Form("forecast", "a.csv", _only("a.csv", _wide_rows), {"horizon": 3}),
    "comments.csv": Form("forecast", "a.csv", _only("a.csv", _comments), {"horizon": 3}),
    "series.tsf": Form("forecast", "a.tsf", _only("a.tsf", _tsf), {"horizon": 3, "fill": "linear"}),
    "series.csv.gz": Form("anomaly", "a.csv.gz", _only("a.csv.gz", _series), wrap=gzip.compress),
    "series.csv.zip": Form("forecast", "a.zip", _only("a.zip", _series), {"horizon": 3}, wrap=_zipped),
    "series.jsonl": Form("forecast", "a.jsonl", _only("a.jsonl", _json_lines), {"horizon": 3}),
    "folder of parquet": Form(
        "forecast", "data/shop=1/0.parquet", _parquet_folder, {"horizon": 3, "id": "shop"}, given="data"
    ),
    "wide steps.csv": Form("classify", "a.csv", _only("a.csv", _wide_steps)),
    "ucr.tsv": Form("classify", "a_TRAIN.tsv", _only("a_TRAIN.tsv", _ucr)),
    "times.ts": Form("classify", "a.ts", _only("a.ts", _timed_ts), {"fill": "forward"}),
    "sparse.arff": Form("classify", "a.arff", _only("a.arff", _sparse_arff)),
    "arrays.npz": Form("classify", "a.npz", _only("a.npz", lambda: _arrays(_sequences()))),
    "arrays.npy": Form("classify", "a.npz", _only("a.npz", _sequences), wrap=_arrays),
    "gaps.csv": Form(
        "classify", "a.csv", _only("a.csv", _gaps), {"fill": "mask", "irregular": True, "time": "t"}
    ),
    "targets.csv": Form("regress", "a.csv", _only("a.csv", _targets)),
    "targets.ts": Form("regress", "a.ts", _only("a.ts", _target_ts)),
    "targets.npy": Form(
        "regress", "a.npz", _only("a.npz", lambda: _npy(np.arange(12.0))),
        wrap=lambda y: _arrays(_sequences(), y),
    ),
    "sets.csv": Form("classify-multilabel", "a.csv", _only("a.csv", _sets), {"label_separator": ";"}),
    "flags.csv": Form("classify-multilabel", "a.csv", _only("a.csv", _flags), {"label": ("p", "q")}),
    "flags.npy": Form(
        "classify-multilabel", "a.npz", _only("a.npz", lambda: _npy(np.eye(12, 2, dtype=np.uint8))),
        wrap=lambda y: _arrays(_sequences(), y),
    ),
    "words.csv": Form("label", "a.csv", _only("a.csv", _words)),
    "texts.jsonl": Form("generate", "a.jsonl", _only("a.jsonl", _texts), SMALL_TEXT),
    "bioes.conll": Form("label", "a.conll", _only("a.conll", _bioes)),
    "tatoeba.tsv": Form("translate", "a.tsv", _only("a.tsv", _tatoeba)),
    "pairs without names.csv": Form("translate", "a.csv", _only("a.csv", _no_names)),
    "coco.json": Form("caption", "data/captions.json", _coco, given="data"),
    "captions.token": Form("caption", "data/results.token", _tokens, given="data"),
    "long.csv": Form("classify", "a.csv", _only("a.csv", lambda: _steps(6))),
    "long.parquet": Form("classify", "a.parquet", _only("a.parquet", lambda: _parquet(_steps(6)))),
    "archive.ts": Form("classify", "a.ts", _only("a.ts", _ts)),
    "archive.arff": Form("classify", "a.arff", _only("a.arff", _arff), {"fill": "forward"}),
    "vectors.csv": Form("generate-vectors", "a.csv", _only("a.csv", lambda: _steps(6))),
    "steps.csv": Form("label", "a.csv", _only("a.csv", lambda: _steps(2))),
    "tagged.conll": Form("label", "a.conll", _only("a.conll", _tagged)),
    "tagged.conllu": Form("label", "a.conllu", _only("a.conllu", _conllu), {"token": 2, "label": "4"}),
    "pairs.csv": Form("translate", "a.csv", _only("a.csv", _pairs)),
    "pairs.tsv": Form("translate", "a.tsv", _only("a.tsv", lambda: _pairs("\t"))),
    "pairs.txt.gz": Form(
        "translate", "a.de", lambda: {"a.de": _lines("Hund"), "a.en": _lines("dog")},
        {"target_file": "./a.en"}, wrap=gzip.compress,
    ),
    "texts.gz": Form(
        "translate", "a.de", lambda: {"a.de": gzip.compress(_lines("Hund"), mtime=0), "a.en": _lines("dog")},
        {"target_file": "./a.en"},
    ),
    "text.txt": Form("generate", "a.txt", _only("a.txt", _text), SMALL_TEXT),
    "image.png": _of_image("png"),
    "image.jpeg": _of_image("jpeg", "RGB"),
    "image.gif": _of_image("gif"),
    "image.tiff": _of_image("tiff", "I;16"),
    "image.bmp": _of_image("bmp"),
    "clips": Form("frames", "data/a/0.gif", _clips, given="data"),
    "clips.npz": Form("frames", "a.npz", lambda: {"a.npz": _npz(_frames())}),
    "clips.npy": Form("frames", "a.npz", lambda: {"a.npz": _frames()}, wrap=_npz),
    "captions": Form("caption", "data/captions.csv", lambda: _captions("caption"), given="data"),
    "strips": Form(
        "transcribe", "data/captions.csv", lambda: _captions("text"), {"label": "text"}, given="data"
    ),
    "signals": Form("transcribe", "targets.csv", _signals, {"targets": "targets.csv"}, given="signals.csv"),
}  # fmt: skip


def check(form: Form, examples: int, deterministic: bool) -> None:
    """Reads damaged files of a form. Raises at the first fault, with the least damage that fails."""

    @settings(
        max_examples=examples, derandomize=deterministic, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damages())
    def holds(damage: list[tuple[str, int, int]]) -> None:
        folder = Path(tempfile.mkdtemp())
        try:
            read(form, folder, damage)
        finally:
            shutil.rmtree(folder)

    holds()


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"a file took more than {SECONDS} s")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--form", choices=FORMS, action="append", help="the forms to damage; all by default")
    parser.add_argument("--minutes", type=float, default=5.0, help="for all of them together")
    given_options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _too_long)
    names = given_options.form or list(FORMS)
    end, rounds, faults = time.monotonic() + 60 * given_options.minutes, 0, 0
    while time.monotonic() < end:
        for name in names:
            signal.alarm(20 * SECONDS)
            try:
                check(FORMS[name], 50, deterministic=False)
            except Exception as error:
                faults += 1
                print(
                    f"{name}: {type(error).__name__}: {str(error)[:300]}\n  {getattr(error, '__notes__', '')}"
                )
            signal.alarm(0)
        rounds += 1
    print(f"{rounds * 50 * len(names):,} files of {len(names)} forms, {faults} faults")


if __name__ == "__main__":
    main()
