"""Labellers as modules of raw values: the labels and probabilities of `predict`."""

import numpy as np
import polars as pl
import pytest
import torch

import gatewise
from gatewise.data.labels.ragged import pad_rows, ragged_indices
from gatewise.data.tokenizers.words import WordTokenizer
from gatewise.tasks.label.data import Preprocessing
from gatewise.tasks.label.task import TASK
from gatewise.tasks.preprocessing import load_preprocessing
from tests.sentences import conll, sentences
from tests.signals import motifs

SMALL = {"hidden": 4, "epochs": 1, "progress": False}


@pytest.mark.parametrize("fill", [None, "mask"])
def test_channels(tmp_path, fill):
    path, table = tmp_path / "motifs.csv", motifs(12)
    if fill is not None:
        table = table.with_columns(pl.when(pl.int_range(pl.len()) % 5 != 2).then("a"))
    table.write_csv(path)
    model = gatewise.Labeler(**SMALL, cell="gru", layers=2, fill=fill).fit(path)
    deployed = TASK.deployed(model.model_)
    rows = [one.select("a", "b").to_numpy() for one in table.partition_by("id", maintain_order=True)]
    lengths = torch.tensor([len(one) for one in rows])
    values = torch.full((len(rows), int(lengths.max()), 2), torch.nan)
    for number, one in enumerate(rows):
        values[number, : len(one)] = torch.from_numpy(one)
    with torch.no_grad():
        (found,) = deployed(values, lengths)
    expected = model.predict(path)
    labels, best = np.array(deployed.description["labels"]), found.max(-1)
    flat = torch.arange(values.shape[1]) < lengths[:, None]
    assert labels[best.indices[flat]].tolist() == expected["predicted"].to_list()
    np.testing.assert_allclose(best.values[flat], expected["probability"], atol=6e-5)
    assert not found[~flat].any()


def test_words_and_their_letters(tmp_path):
    tagged = sentences(40)
    path = tmp_path / "text.conll"
    path.write_text(conll(tagged))
    model = gatewise.Labeler(**SMALL, cell="lstm", char_hidden=4, embedding=6).fit(path)
    deployed = TASK.deployed(model.model_)
    about = deployed.description
    tokenizer = WordTokenizer(tuple(about["words"]), tuple(about["letters"]))
    lengths = np.array([len(one) for one in tagged])
    rows, columns = ragged_indices(lengths)
    tokens = [token for one in tagged for token, _ in one]
    spellings = [tokenizer.spelling(token) for token in tokens]
    sizes = np.array([len(one) for one in spellings])
    letters = torch.zeros(len(tagged), int(lengths.max()), int(sizes.max()), dtype=torch.int64)
    for row, column, own in zip(rows, columns, spellings, strict=True):
        letters[row, column, : len(own)] = torch.tensor(own)
    words = np.array([tokenizer.word(token) for token in tokens])
    given = pad_rows(rows, columns, lengths, words, 0), pad_rows(rows, columns, lengths, sizes, 0)
    with torch.no_grad():
        (found,) = deployed(given[0], letters, given[1], torch.from_numpy(lengths))
    expected = model.predict(path)
    labels, best = np.array(about["labels"]), found.max(-1)
    assert labels[best.indices[rows, columns]].tolist() == expected["predicted"].to_list()
    np.testing.assert_allclose(best.values[rows, columns], expected["probability"], atol=6e-5)


def test_the_preprocessing_is_that_of_the_data(tmp_path):
    path = tmp_path / "motifs.csv"
    motifs(12).write_csv(path)
    model = gatewise.Labeler(**SMALL, cell="gru").fit(path)
    form = load_preprocessing(Preprocessing, model.model_).form
    assert TASK.deployed(model.model_).description["max_length"] == form.max_length
