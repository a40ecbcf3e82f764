"""The translating task from file to files, in Python."""

import random
from pathlib import Path

import polars as pl
import pytest
import torch

import gatewise
from gatewise.errors import GatewiseError
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.tasks.translate.network import EXTRA_LENGTH
from gatewise.tasks.translate.task import TASK
from tests.figures import drawn
from tests.tasks.decoding import greedy
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"hidden": 12, "embedding": 6, "epochs": 3, "min_count": 1, "beam": 2}


def pairs(count, letters="abcdef", longest=6):
    """Letters and the same backwards, each only once."""
    of = random.Random(0)
    found = {}
    while len(found) < count:
        source = [of.choice(letters) for _ in range(of.randint(3, longest))]
        found[" ".join(source)] = " ".join(reversed(source))
    return pl.DataFrame({"forwards": list(found), "backwards": list(found.values())})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    frame = pairs(300)
    frame.write_csv(folder / "pairs.csv")
    for name, rows in {"train": frame[:200], "val": frame[200:250], "test": frame[250:]}.items():
        for side in frame.columns:
            (folder / f"{name}.{side}").write_text("\n".join(rows[side]) + "\n")
    return folder


@pytest.fixture(scope="module")
def comparison(folder):
    return execute(TASK, "train", folder / "pairs.csv", folder / "run", TrainOptions(**SMALL))


def test_train(folder, comparison):
    assert {one.name for one in comparison.results} == {"copy", "most-frequent", "ibm-model-1", "lstm"}
    assert "; vocabularies of 10 and 10 tokens" in comparison.data.notes[-1]
    assert drawn(TASK, comparison, folder / "run").keys() == {"attention.png"}
    assert (folder / "run" / "attention.png").stat().st_size > 5000
    network = comparison.chosen(baseline=False).network
    by_length, examples = comparison.details
    assert sum(int(row[1]) for row in by_length.rows) == len(comparison.data.test) == 30
    assert examples.rows[1] == ("true", comparison.data.test.text(0)[1])
    preview = TASK.preview(network, comparison.data).splitlines()
    assert preview[0] == comparison.data.validation.text(0)[0]
    assert preview[1].startswith("→ ")


def test_evaluate_scores_the_test_set(folder, comparison):
    again = evaluate(TASK, folder / "run", folder / "pairs.csv")
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in again.results} == {
        name: scores[name] for name in ("lstm", "copy")
    }
    assert again.data.notes == ("30 pairs to test, which the model has not seen",)
    texts = {again.data.test.text(row) for row in range(30)}
    assert texts == {comparison.data.test.text(row) for row in range(30)}


def test_evaluate_takes_all_of_other_pairs(folder, comparison):
    pairs(40).rename({"forwards": "x"}).select("backwards", "x").write_csv(folder / "other.csv")
    with pytest.raises(GatewiseError, match="has no column 'forwards' for the source; it has backwards, x"):
        evaluate(TASK, folder / "run", folder / "other.csv")
    halves = Path(f"{folder / 'test.forwards'},{folder / 'test.backwards'}")
    again = evaluate(TASK, folder / "run", halves)
    assert again.data.notes == ("50 pairs to test",)
    with pytest.raises(
        GatewiseError, match=r"test\.forwards is no table by its name; of a text give the transl"
    ):
        evaluate(TASK, folder / "run", folder / "test.forwards")


def test_predict_a_table_and_a_text(folder, comparison):
    model = load_model(folder / "run")
    frame = pl.DataFrame({"forwards": ["a b c", "", "c z b a"]})
    frame.write_csv(folder / "new.csv")
    (folder / "new.txt").write_text("a b c\n\nc z b a\n")
    of_table, of_text = (TASK.predict(model, folder / name) for name in ("new.csv", "new.txt"))
    assert of_table.frame.columns == ["forwards", "backwards"]
    assert of_table.frame["forwards"].to_list() == ["a b c", "", "c z b a"]
    predicted = of_table.frame["backwards"].to_list()
    assert predicted[0]
    assert predicted[1] == ""
    assert of_text.frame[of_text.text_column].to_list() == predicted
    assert of_table.about == "3 translations; 1 source is empty, and so is its translation"


def test_two_files_with_others_to_validate_and_test(folder):
    other = {
        f"{part}_file": tuple(str(folder / f"{name}.{side}") for side in ("forwards", "backwards"))
        for part, name in (("validation", "val"), ("test", "test"))
    }
    options = TrainOptions(
        **SMALL, target_file=str(folder / "train.backwards"), **other, tokenizer="characters", cell="gru",
        bidirectional=False, reverse_source=True, attention="none", teacher_forcing=0.5,
    )  # fmt: skip
    comparison = execute(TASK, "train", folder / "train.forwards", folder / "run2", options)
    assert [
        len(part) for part in (comparison.data.train, comparison.data.validation, comparison.data.test)
    ] == [
        200,
        50,
        50,
    ]
    network = comparison.chosen(baseline=False).network
    assert network.forced_fraction() == 0.5
    assert drawn(TASK, comparison, folder / "run2") == {}
    with pytest.raises(
        GatewiseError, match=r"trained on all of .*train\.forwards; give pairs that it has not seen"
    ):
        evaluate(TASK, folder / "run2", folder / "train.forwards")
    again = evaluate(TASK, folder / "run2", Path(f"{folder / 'test.forwards'},{folder / 'test.backwards'}"))
    scores = {one.name: one.scores for one in comparison.results}
    assert {one.name: one.scores for one in again.results} == {name: scores[name] for name in ("gru", "copy")}


@pytest.mark.thorough
def test_strings_are_learned_backwards_without_a_mistake(folder):
    """Every pair held out is exactly right."""
    pairs(900, "abcdefgh", 7).write_csv(folder / "many.csv")
    options = TrainOptions(
        hidden=48, embedding=24, dropout=0.0, epochs=14, patience=14, learning_rate=0.008, batch_size=24,
        label_smoothing=0.0,
    )  # fmt: skip
    comparison = execute(TASK, "train", folder / "many.csv", folder / "run3", options)
    assert comparison.results[0].name == "lstm"
    assert comparison.results[0].scores["exact"] == 1.0


def test_compare(folder):
    more = {"cells": ("rnn", "gru"), "attention": "bahdanau", "tokenizer": "bpe", "vocabulary": 300}
    options = CompareOptions(**{**SMALL, **more, "epochs": 1}, seeds=1)
    comparison = execute(TASK, "compare", folder / "pairs.csv", folder / "run4", options)
    assert {one.name for one in comparison.results} >= {"rnn", "gru", "copy"}


def test_the_deployed_encoder_and_decoder_translate(folder, comparison):
    model = load_model(folder / "run")
    model.network.beam = 1
    deployed, test = TASK.deployed(model), comparison.data.test
    batch = test.__getitems__(list(range(12)))
    limits = [int(-(-length * model.network.ratio // 1)) + EXTRA_LENGTH for length in batch.lengths.tolist()]
    found = greedy(deployed, {"source": batch.source, "lengths": batch.lengths}, limits)
    assert found == [one.numbers for one in model.network.eval().translate(batch)]
    assert deployed.description["limit"] == {"ratio": model.network.ratio, "extra": EXTRA_LENGTH}
    padded = torch.nn.functional.pad(batch.source, (0, 3), value=7)
    assert greedy(deployed, {"source": padded, "lengths": batch.lengths}, limits) == found


@pytest.mark.thorough
@pytest.mark.parametrize("options", [{"attention": "none"}, {"attention": "bahdanau", "layers": 2}])
def test_a_translator_in_onnxruntime(folder, options, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = gatewise.Translator(**{**SMALL, "epochs": 1, **options}, progress=False).fit(folder / "pairs.csv")
    files = model.export(tmp_path / "model.onnx")
    assert files.step == tmp_path / "model_step.onnx"
    encoder, step = (onnxruntime.InferenceSession(path) for path in (files.model, files.step))
    source = {"source": torch.tensor([[4, 5, 3], [6, 3, 9]]), "lengths": torch.tensor([3, 2])}
    state, *memory = encoder.run(None, {name: one.numpy() for name, one in source.items()})
    names = ["state", "values", "keys", "mask"]
    given = dict(zip(names, [state, *memory], strict=False))
    logits, *_ = step.run(None, {"symbols": torch.tensor([2, 2]).numpy(), **given})
    expected, *_ = TASK.deployed(model.model_).step(
        torch.tensor([2, 2]), *(torch.from_numpy(one) for one in given.values())
    )
    torch.testing.assert_close(torch.from_numpy(logits), expected.detach(), rtol=1e-5, atol=1e-5)
