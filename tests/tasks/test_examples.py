"""An example of every task's data, looked at inside a model that is not trained."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.cells.catalogue import find_cell
from gatewise.data.tokenizers.sentences import BEGIN, END
from gatewise.errors import GatewiseError
from gatewise.report import inspect
from gatewise.report.page import contents
from gatewise.tasks import find_task
from gatewise.tasks.base import Task
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel
from tests.bars import write_captions, write_classes
from tests.moving import DOT, moving, write_arrays
from tests.pens import strokes
from tests.sentences import conll, sentences
from tests.series import frame
from tests.signals import blurred, motifs
from tests.tasks.translate.test_task import pairs
from tests.texts import words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    frame().write_csv(folder / "series.csv")
    one_class = motifs(40).with_columns(label=pl.col("id").str.tail(1).cast(pl.Int64) % 2)
    one_class.write_csv(folder / "sequences.csv")
    numbers = one_class.rename({"label": "y"}).with_columns(y=pl.col("y") + pl.col("id").str.len_chars())
    numbers.write_csv(folder / "numbers.csv")
    sets = one_class.with_columns(
        label=pl.when(pl.col("label") == 1).then(pl.lit("odd;any")).otherwise(pl.lit("any"))
    )
    sets.write_csv(folder / "sets.csv")
    motifs(20).write_csv(folder / "motifs.csv")
    strokes().write_csv(folder / "strokes.csv")
    pairs(100).write_csv(folder / "pairs.csv")
    (folder / "names.conll").write_text(conll(sentences(60)))
    (folder / "text.txt").write_text(words(9000))
    for table, name in zip(blurred(40), ("signals.csv", "texts.csv"), strict=True):
        table.write_csv(folder / name)
    write_classes(folder / "bars", 40)
    write_captions(folder / "captions", 40)
    write_arrays(
        folder / "clips.npz", moving([DOT], 40, side=9, shortest=4, longest=6, ways=("right", "left"))
    )
    return folder


def example(task, path, number=0, cell="gru", **options):
    """The example, the network, and all of the report on it."""
    task = find_task(task)
    chosen = verb_options("train", task.options)(**options)
    data = task.read(path, chosen)
    network = task.network(data, chosen, find_cell(cell)).eval()
    model = SavedModel(task.name, cell, network, task.preprocessing(data, chosen))
    found = task.example(model, path, number)

    def loss():
        return network.loss(found.batch)

    inspection = inspect(network, loss, found.last or loss, found)
    output = contents(inspection)
    output["network"] = network
    return found, task.load_for_evaluation(model, path), output


def steps(page):
    return {(one["module"], one["of"][0]) for one in page["layers"]}


def test_a_window_of_a_series(folder):
    found, data, output = example("forecast", folder / "series.csv", 3, horizon=4, context=12, hidden=8)
    assert {size for _, size in steps(output)} == {12}
    values, first = data.source.series[0].target, data.plan.borders(160)[1] + 3
    given, true, *predicted = found.tracks[0].lines
    assert given.values == pytest.approx(values[first - 12 : first], rel=1e-5)
    assert true.values == pytest.approx(values[first : first + 4], rel=1e-5)
    assert {one.start for one in (true, *predicted)} == {12}
    assert found.times[0] == str(frame()["month"][first - 12])
    assert len(found.times) == 16
    assert found.unit == "month"
    assert output["flows"][0]["norms"][0] > 0
    with pytest.raises(GatewiseError, match="windows in the test set, numbered from 0; there is no number"):
        example("forecast", folder / "series.csv", 400, horizon=4, context=12, hidden=8)


def test_a_sequence_with_a_class(folder):
    found, data, output = example("classify", folder / "sequences.csv", 1, hidden=4, layers=2)
    rows = data.test.table
    place = slice(*rows.offsets[data.test.numbers[1] : data.test.numbers[1] + 2])
    assert [one.name for one in found.tracks] == ["a", "b"]
    assert found.tracks[0].lines[0].values == pytest.approx(np.asarray(rows.values[place, 0]), abs=1e-5)
    assert len(output["layers"]) == 4  # two, each in both directions
    assert f"true: {data.classes[int(found.batch.labels)]}" in found.prediction


def test_a_sequence_with_a_number(folder):
    options = {"hidden": 4, "pooling": "attention"}
    found, data, output = example("regress", folder / "numbers.csv", 1, **options)
    place, offsets = int(data.test.numbers[1]), data.test.table.offsets
    rows = np.asarray(data.test.table.values[offsets[place] : offsets[place + 1]])
    assert [one.name for one in found.tracks] == ["a", "b", "attention"]
    assert found.tracks[0].lines[0].values == pytest.approx(rows[:, 0], abs=1e-5)
    assert found.tracks[2].strip.values.sum() == pytest.approx(1, abs=1e-5)
    assert {size for _, size in steps(output)} == {len(rows)}
    assert found.prediction.endswith(f"; true: {data.test.table.targets[place, 0]:.6g}")
    pytest.importorskip("captum", reason="Captum is not installed")
    explained = found.attribute(None)
    predicted = float(found.prediction.split(";")[0].split()[-1])
    assert explained.output == pytest.approx(predicted, rel=1e-4)  # in the unit of the data
    total = explained.steps.sum()
    assert total == pytest.approx(explained.output - explained.baseline_output, abs=0.02)


def test_labels_of_steps_and_of_words(folder):
    found, data, output = example("label", folder / "motifs.csv", 1, hidden=4)
    assert [one.name for one in found.tracks] == ["a", "b", "predicted", "true"]
    place = data.test.slice_of(1)
    assert found.tracks[3].symbols == tuple(data.labels[one] for one in data.test.labels[place])
    assert len({one["of"][0] for one in output["layers"]} - {len(found.tracks[3].symbols)}) == 0
    options = {"hidden": 4, "embedding": 4, "char_hidden": 3}
    found, data, output = example("label", folder / "names.conll", 2, **options)
    assert found.tracks[0].symbols == tuple(data.test.tokens[data.test.slice_of(2)])
    assert ("recurrent", len(found.tracks[0].symbols)) in steps(output)
    assert {one["module"] for one in output["layers"]} == {"recurrent", "reader.speller"}
    forward = next(one["norms"] for one in output["flows"] if one["title"] == "recurrent, layer 0, forward")
    assert forward[0] > 0


@pytest.mark.parametrize("attention", ["luong", "bahdanau"])
def test_a_pair_of_texts(folder, attention):
    pytest.importorskip("sacrebleu")
    options = {"hidden": 8, "embedding": 6, "min_count": 1, "beam": 2, "attention": attention}
    found, data, output = example("translate", folder / "pairs.csv", 2, **options)
    source, target = data.test.text(2)
    read, given, follows = found.tracks
    assert read.symbols == (*source.split(), "(end)")
    assert follows.symbols == (*target.split(), "(end)")
    assert given.symbols == ("(begin)", *target.split())
    network, batch, size = output["network"], found.batch, len(given.symbols)
    all_but_last = network.loss(batch._replace(target=batch.target[:, :-1])) * (size - 1)
    assert found.last().item() == pytest.approx((network.loss(batch) * size - all_but_last).item(), abs=1e-4)
    assert steps(output) == {("encoder", len(read.symbols)), ("decoder.recurrent", len(given.symbols))}


def test_a_stretch_of_a_text(folder):
    found, _, output = example("generate", folder / "text.txt", 1, hidden=8, embedding=4, steps=32)
    assert steps(output) == {("recurrent", 160)}
    assert len(found.tracks[0].symbols) == len(found.tracks[1].lines[0].values) == 160
    assert output["flows"][0]["norms"][0] > 0
    assert found.last().item() == pytest.approx(found.tracks[1].lines[0].values[-1], abs=1e-5)


def test_vectors(folder):
    found, data, output = example(
        "generate-vectors", folder / "strokes.csv", 1, hidden=8, components=2, differences=("x", "y")
    )
    size = int(data.test.sizes[1])
    assert steps(output) == {("recurrent", size)}
    assert [one.name for one in found.tracks] == [*data.preprocessing.channels, "nats of the next vector"]
    assert found.last().item() == pytest.approx(found.tracks[-1].lines[0].values[-1], abs=1e-5)


def test_clips(folder):
    found, data, output = example("frames", folder / "clips.npz", 2, hidden=8, features=8, filters=(4,))
    size = int(found.batch.lengths[0])
    assert steps(output) == {("recurrent", size)}
    frames = data.test.clips[data.test.numbers[2]]
    assert found.tracks[0].lines[0].values == pytest.approx(frames.reshape(size, -1).mean(1))


@pytest.mark.parametrize("network", ["stack", "lattice"])
def test_images(folder, network):
    cell = "gru" if network == "stack" else "mdlstm"
    found, data, output = example(
        "classify-images", folder / "bars", 1, cell, hidden=4, network=network, patch=2
    )
    assert (found.tracks[0].pixels == data.test.files[data.test.numbers[1]][..., 0]).all()
    assert {one["axes"] for one in output["layers"]} == {(8,) if network == "stack" else (4, 4)}


def test_a_text_that_is_read(folder):
    found, data, output = example(
        "transcribe", folder / "signals.csv", 1, hidden=4, stack_frames=2, targets="texts.csv"
    )
    (size,) = {one["of"][0] for one in output["layers"]}
    assert size == -(-int(data.test.sizes[1]) // 2)
    assert [one.name for one in found.tracks] == ["c0", "c1", "c2", "most probable symbol"]
    assert {len(one.lines[0].values) for one in found.tracks[:3]} == {len(found.tracks[3].symbols)} == {size}
    assert f"true: {data.test.texts[1]}" in found.prediction


@pytest.mark.parametrize("encoder", ["columns", "positions"])
def test_an_image_with_a_caption(folder, encoder):
    pytest.importorskip("sacrebleu")
    options = {"hidden": 8, "embedding": 6, "filters": (4,), "encoder": encoder, "beam": 2}
    found, data, output = example("caption", folder / "captions", 2, **options)
    image, place = data.files[data.test.numbers[2]][..., 0], data.test.numbers[2]
    assert found.name == data.table.images[place].name
    assert found.prediction.endswith(f"true: {data.test.captions[2][0]}")
    follows = (*data.test.captions[2][0].split(), "(end)")
    assert found.tracks[-1].symbols == found.attention.targets == follows
    assert (found.attention.pixels == image).all()
    down, across = (-(-size // side) for size, side in zip(image.shape, found.attention.patch, strict=True))
    assert found.attention.weights.shape == (len(follows), down * across)
    assert (down == 1) == (encoder == "columns")
    assert found.attention.weights.sum(1) == pytest.approx(1, abs=1e-6)
    assert ("decoder.recurrent", len(follows)) in steps(output)
    assert (("reader.recurrent", across) in steps(output)) == (encoder == "columns")


def test_where_a_decoder_looked(folder):
    """The weights of the steps that the report shows: those of its predictions of the true symbols."""
    pytest.importorskip("sacrebleu")
    for attention in ("luong", "bahdanau", "none"):
        options = {"hidden": 8, "embedding": 6, "min_count": 1, "beam": 1, "attention": attention}
        found, _, output = example("translate", folder / "pairs.csv", 2, **options)
        if attention == "none":
            assert found.attention is None
            continue
        network, batch = output["network"], found.batch
        begin = torch.full((1, 1), BEGIN)
        context = network.encode(batch.source, batch.lengths)
        _, _, weights = network.decode(torch.cat([begin, batch.target[:, :-1]], 1), context)
        assert found.attention.weights == pytest.approx(weights[0].detach().numpy(), abs=1e-6)
        assert found.attention.sources == found.tracks[0].symbols
        assert found.attention.targets == found.tracks[2].symbols


def test_what_attention_over_steps_weighs(folder):
    found, _, output = example(
        "classify", folder / "sequences.csv", 1, hidden=4, pooling="attention", network="stack"
    )
    strip = found.tracks[-1].strip
    network, batch = output["network"], found.batch
    hiddens = network.recurrent(batch.values.transpose(0, 1), lengths=batch.lengths)[0].transpose(0, 1)
    weights = network.pooling.weights(hiddens, batch.lengths).detach().numpy()
    assert strip.values == pytest.approx(weights, abs=1e-6)
    assert strip.signed is False


@pytest.mark.parametrize(
    ("task", "file", "options"),
    [
        ("forecast", "series.csv", {"horizon": 4, "context": 12}),
        ("forecast", "series.csv", {"horizon": 4, "context": 12, "ensemble": 2, "dilations": (1, 2)}),
        ("forecast", "series.csv", {"horizon": 4, "context": 12, "network": "encoder-decoder"}),
        ("anomaly", "series.csv", {"context": 12}),
        ("classify", "sequences.csv", {}),
        ("classify", "sequences.csv", {"ensemble": 2, "network": "stack"}),
        ("classify-multilabel", "sets.csv", {"label_separator": ";"}),
        ("regress", "numbers.csv", {}),
        ("label", "motifs.csv", {}),
        ("translate", "pairs.csv", {"embedding": 6, "min_count": 1, "beam": 2}),
        ("generate", "text.txt", {"embedding": 4, "steps": 32}),
        ("generate-vectors", "strokes.csv", {"components": 2, "differences": ("x", "y")}),
        ("frames", "clips.npz", {"features": 8, "filters": (4,)}),
        ("classify-images", "bars", {"network": "stack"}),
        ("transcribe", "signals.csv", {"stack_frames": 2, "targets": "texts.csv"}),
        ("caption", "captions", {"embedding": 6, "filters": (4,), "beam": 2}),
        ("caption", "captions", {"embedding": 6, "filters": (4,), "beam": 2, "encoder": "positions"}),
    ],
)
def test_heads_of_a_matrix_memory(folder, task, file, options):
    pytest.importorskip("sacrebleu")
    with gatewise.backend("reference"):
        _, _, output = example(task, folder / file, 1, "mlstm", hidden=8, heads=2, **options)
    layers = [one for one in output["network"].modules() if isinstance(one, gatewise.Recurrent)]
    assert {one.heads for one in layers} == {2}
    assert output["layers"]


def attributed(task, path, number=0, step=None, cell="gru", **options):
    """The example with its attribution: complete to a hundredth, or to what float32 rounds off."""
    pytest.importorskip("captum", reason="Captum is not installed")
    found, data, output = example(task, path, number, cell, **options)
    whole = found.with_attribution(step)
    one = whole.attribution
    assert abs(one.gap) <= max(0.01 * abs(one.output - one.baseline_output), 1e-5)
    assert np.nansum(one.steps) - one.gap == pytest.approx(one.output - one.baseline_output, abs=1e-4)
    return found, whole, data, output["network"]


def test_attribution_of_a_forecast(folder):
    options = {"horizon": 4, "context": 12, "hidden": 8}
    for more in ({}, {"head": "student-t"}, {"network": "encoder-decoder"}):
        found, whole, _, _ = attributed("forecast", folder / "series.csv", 3, **options, **more)
        median = next(line for line in found.tracks[0].lines if line.name == "median")
        assert whole.attribution.output == pytest.approx(median.values[-1], rel=1e-5)
        names, values = whole.tracks[-1].strip.names, whole.tracks[-1].strip.values
        assert names == ("value", *(one.name for one in found.tracks[1:]))
        assert np.isnan(values[0, 12:]).all()
        assert np.isfinite(values[1:]).all()
        assert "(" + found.times[11] + ")" in whole.attribution.largest(found.times, 16)


def test_attribution_of_a_class(folder):
    for task, path, options in (
        ("classify", "sequences.csv", {"hidden": 4, "network": "stack"}),
        ("classify", "sequences.csv", {"hidden": 4, "network": "lstm-fcn"}),
        ("frames", "clips.npz", {"hidden": 8, "features": 8, "filters": (4,)}),
        ("classify-images", "bars", {"hidden": 4}),
        ("classify-images", "bars", {"hidden": 4, "network": "lattice", "patch": 2}),
    ):
        found, whole, data, network = attributed(task, folder / path, 1, **options)
        logits = network.logits(found.batch)[0].detach()
        assert whole.attribution.output_name == f"the logit of class {data.classes[int(logits.argmax())]}"
        assert whole.attribution.output == pytest.approx(float(logits.max()), abs=1e-6)
        assert whole.tracks[-1].strip.values.sum(0) == pytest.approx(whole.attribution.steps, abs=1e-6)


@pytest.mark.parametrize("kind", ["stack", "hybrid"])
def test_attribution_of_the_most_probable_label(folder, kind):
    options = {"hidden": 4, "label_separator": ";", "network": kind}
    found, whole, data, network = attributed("classify-multilabel", folder / "sets.csv", 1, **options)
    best = int(network.logits(found.batch)[0].argmax())
    part = " in the recurrent layers" if kind == "hybrid" else ""
    assert whole.attribution.output_name == f"the logit of label {data.classes[best]}{part}"
    logits = network.differentiable.logits(found.batch)[0].detach()
    assert whole.attribution.output == pytest.approx(float(logits[best]), abs=1e-6)


def test_attribution_of_a_hybrid_is_of_its_recurrent_layers(folder):
    _, whole, data, network = attributed("classify", folder / "sequences.csv", 1, hidden=4)
    batch = data.test.__getitems__([1])
    predicted = int(network.logits(batch)[0].argmax())
    expected = f"the logit of class {data.classes[predicted]} in the recurrent layers"
    assert whole.attribution.output_name == expected
    assert whole.attribution.output == pytest.approx(
        float(network.stack.logits(batch)[0, predicted]), abs=1e-6
    )


def test_attribution_of_a_label(folder):
    for path, options in (
        ("motifs.csv", {"bidirectional": False}),
        ("names.conll", {"embedding": 4, "char_hidden": 3}),
    ):
        found, whole, _, network = attributed("label", folder / path, 1, step=2, hidden=4, **options)
        logits = network(found.batch)[0, 2].detach()
        assert whole.attribution.output == pytest.approx(float(logits.max()), abs=1e-6)
        if path == "motifs.csv":
            assert (whole.attribution.steps[3:] == 0).all()  # later steps contribute nothing
            assert whole.tracks[-1].strip.names == ("a", "b")
        else:
            assert whole.tracks[0].symbols == found.tracks[0].symbols
            assert len(whole.tracks) == len(found.tracks)  # symbols are coloured where they stand


def test_attribution_of_a_symbol(folder):
    options = {"hidden": 8, "embedding": 4, "steps": 32}
    found, whole, _, _ = attributed("generate", folder / "text.txt", 1, step=20, **options)
    assert whole.attribution.output == pytest.approx(-found.tracks[1].lines[0].values[20], abs=1e-5)
    assert np.isnan(whole.tracks[0].strip.values[0, 21:]).all()
    assert np.isfinite(whole.tracks[0].strip.values[0, :21]).all()


@pytest.mark.parametrize("reverse", [False, True])
def test_attribution_of_a_translation(folder, reverse):
    pytest.importorskip("sacrebleu")
    options = {"hidden": 8, "embedding": 6, "min_count": 1, "beam": 1}
    options |= {"bidirectional": not reverse, "reverse_source": reverse}
    found, whole, _, network = attributed("translate", folder / "pairs.csv", 2, **options)
    output = torch.tensor([[*network.translate(found.batch)[0].numbers, END]])
    nats = float(network.loss(found.batch._replace(target=output)).detach()) * output.numel()
    assert whole.attribution.output == pytest.approx(-nats, rel=1e-5)
    assert len(whole.attribution.steps) == len(found.tracks[0].symbols)


def test_a_task_without_examples_or_attribution(folder):
    with pytest.raises(GatewiseError, match="a model of the task 'forecast' can't be inspected on data yet"):
        Task.example(find_task("forecast"), None, None, 0)
    found, _, _ = example(
        "generate-vectors", folder / "strokes.csv", 1, hidden=8, components=2, differences=("x", "y")
    )
    assert found.attribute is None
