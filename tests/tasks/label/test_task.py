"""Labelling from file to files, in Python."""

import polars as pl
import pytest

from gatewise.data.labels.schemes import BIOES
from gatewise.errors import GatewiseError
from gatewise.tasks import choose_task, find_task
from gatewise.tasks.label.task import TASK
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import load_model
from gatewise.training import runs
from tests.figures import drawn
from tests.sentences import conll, sentences
from tests.signals import motifs
from tests.tasks.running import evaluate, execute

TrainOptions, CompareOptions = (verb_options(verb, TASK.options) for verb in ("train", "compare"))
SMALL = {"epochs": 2, "hidden": 4, "embedding": 4, "char_hidden": 3}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "names.conll"
    path.write_text(conll(sentences(60)))
    comparison = execute(TASK, "train", path, path.parent / "run", TrainOptions(**SMALL))
    return path, comparison


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "motifs.csv"
    motifs(20).write_csv(path)
    options = TrainOptions(epochs=2, hidden=4, cell="gru", bidirectional=False)
    comparison = execute(TASK, "train", path, path.parent / "run", options)
    return path, comparison


def test_a_table_of_words_in_another_scheme_is_predicted_in_it(tmp_path):
    rows = [
        (number, token, label)
        for number, sentence in enumerate(sentences(40))
        for (token, _), label in zip(sentence, BIOES.encode([label for _, label in sentence]), strict=True)
    ]
    path, folder = tmp_path / "words.csv", tmp_path / "run"
    table = pl.DataFrame(rows, schema=["sentence", "word", "tag"], orient="row")
    table.write_csv(path)
    comparison = execute(TASK, "train", path, folder, TrainOptions(**SMALL))
    assert "B-PER" in comparison.data.labels
    assert "E-PER" not in comparison.data.labels
    again = evaluate(TASK, folder, path).chosen(baseline=False)
    assert again.scores == comparison.chosen(baseline=False).scores
    model = load_model(folder)
    table.drop("tag").write_csv(path)
    predicted = TASK.predict(model, path)
    assert predicted.frame.columns == ["sentence", "word", "predicted", "probability"]
    assert predicted.frame["word"].to_list() == table["word"].to_list()
    by_sentence = predicted.frame.group_by("sentence").agg("predicted")["predicted"].to_list()
    assert not any(BIOES.contradictions(one) for one in by_sentence)
    assert TASK.predicts_tables(model)


@pytest.mark.parametrize("kind", ["text", "table"])
def test_what_was_trained_is_scored_the_same_again(kind, request):
    path, comparison = request.getfixturevalue(kind)
    assert [one.name for one in comparison.results if one.baseline] == ["window", "majority"]
    again = evaluate(TASK, path.parent / "run", path)
    assert {one.name: one.scores for one in again.results} == {
        one.name: one.scores for one in comparison.results
    }
    rows = pl.read_csv(path.parent / "run" / "leaderboard.csv")
    assert {"model", "accuracy", "macro_f1", "span_f1", "exact"} < set(rows.columns)
    assert rows["accuracy"].is_between(0, 1).all()


def test_text_is_predicted_with_its_lines(tmp_path, text):
    path, _ = text
    new = tmp_path / "new.txt"
    new.write_text("Never Seen\n\n" + conll(sentences(3, seed=5)))
    predicted = TASK.predict(load_model(path.parent / "run"), new)
    assert predicted.frame["text"][0] == f"Never Seen {predicted.frame['predicted'][0]}\n"
    assert set(predicted.frame["predicted"]) <= {"B-ORG", "B-PER", "I-ORG", "I-PER", "O"}
    assert predicted.frame["probability"].is_between(0, 1).all()
    assert predicted.text_column == "text"
    assert not TASK.predicts_tables(load_model(path.parent / "run"))
    assert predicted.frame.height == 1 + sum(map(len, sentences(3, seed=5)))


def test_a_table_is_predicted_row_by_row(tmp_path, table):
    path, _ = table
    new = motifs(3, seed=4).drop("label")
    new.write_parquet(tmp_path / "new.parquet")
    predicted = TASK.predict(load_model(path.parent / "run"), tmp_path / "new.parquet")
    assert predicted.frame.drop("predicted", "probability").equals(new)
    assert set(predicted.frame["predicted"]) <= {"fall", "rest", "rise", "wave"}
    assert predicted.text_column is None
    assert TASK.predicts_tables(load_model(path.parent / "run"))


def test_other_data_are_scored_whole(tmp_path, text):
    path, _ = text
    other = tmp_path / "other.conll"
    other.write_text(conll(sentences(7, seed=3)))
    comparison = evaluate(TASK, path.parent / "run", other)
    assert [one.name for one in comparison.results] == ["lstm"]
    assert comparison.data.notes[0].startswith(f"all of {other}: 7 sentences")
    other.write_text("Zoe B-ORG\nran V\n")
    with pytest.raises(
        GatewiseError, match=r"other.conll, line 2: the label 'V' is not among those of the model"
    ):
        evaluate(TASK, path.parent / "run", other)


def test_compare(tmp_path, table):
    path, _ = table
    options = CompareOptions(epochs=1, hidden=3, seeds=1, cells=("rnn", "gru"))
    comparison = execute(TASK, "compare", path, tmp_path / "run", options)
    assert {one.name for one in comparison.results} == {"majority", "window", "rnn", "gru"}
    assert {one.name for one in comparison.results if one.baseline} == {"majority", "window"}


def test_details_name_every_label_and_mistakes_by_their_line(text, table):
    for (path, comparison), tables in ((text, 3), (table, 2)):
        output = comparison.details
        assert len(output) == tables
        labels, mistakes = output[0], output[-1]
        there = {
            comparison.data.labels[one]
            for piece in comparison.data.truth(comparison.data.test)
            for one in piece
        }
        assert there <= {row[0] for row in labels.rows}
        lines = path.read_text().splitlines()
        for true, predicted, _, where in mistakes.rows:
            line = lines[int(where.split()[1].rstrip(":")) - 1]
            assert true in line
            assert predicted != true
            assert "[" not in where or line.split()[0] == where.partition("[")[2].partition("]")[0]


def test_pictures(text, table):
    for path, comparison in (text, table):
        output = drawn(TASK, comparison, path.parent / "run")
        assert set(output) == {"confusion.png", "labels.png"}
        for name in output:
            assert (path.parent / "run" / name).stat().st_size > 10_000


def test_tokens_and_labels_with_markup(tmp_path):
    path = tmp_path / "signs.conll"
    path.write_text(conll([[("[b]$x^$", "[red]"), ("a_{2", "$\\frac"), ("🙂", "[/b]")]] * 12))
    comparison = execute(TASK, "train", path, tmp_path / "run", TrainOptions(**SMALL))
    drawn(TASK, comparison, tmp_path)
    frame = TASK.predict(load_model(tmp_path / "run"), path).frame
    assert set(frame["predicted"]) <= {"[red]", "$\\frac", "[/b]"}


def test_ctc_is_the_task_beside_it(tmp_path):
    assert choose_task("label", tmp_path / "strips", {"head": "ctc"}) is find_task("transcribe")
    assert choose_task("label", tmp_path / "ctc.conll", {"hidden": "4"}) is TASK
    with pytest.raises(GatewiseError, match="give gatewise train transcribe"):
        runs.begin("train", TASK, tmp_path, TrainOptions(head="ctc"), None)
