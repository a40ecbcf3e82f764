"""`gatewise sample`: text on the terminal, the same by seed; mistakes in one line."""

import pytest

from gatewise.cells import LSTM
from gatewise.cli.main import main
from gatewise.data.tokenizers.streams import Bytes, Characters
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.generate.language import LanguageModel
from gatewise.tasks.serialization import SavedModel, save_model


@pytest.fixture
def sample(monkeypatch, tmp_path, capsys):
    """Runs `gatewise sample` in a folder with a model of characters, one of bytes, and one of series."""
    monkeypatch.chdir(tmp_path)
    for name, tokenizer in (("letters", Characters("\n abc")), ("bytes", Bytes())):
        model = LanguageModel(LSTM, len(tokenizer), hidden=8)
        save_model(tmp_path / name, SavedModel("generate", "lstm", model, {"tokenizer": tokenizer.to_data()}))
    series = ForecastNetwork(ForecastShape(3, 2), LSTM, hidden=4)
    save_model(tmp_path / "series", SavedModel("forecast", "lstm", series, {}))

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["sample", *map(str, arguments)])
        output = capsys.readouterr()
        return end.value.code, output.out, output.err

    return run


def test_it_continues_a_prime(sample):
    code, out, _ = sample("letters", "--prime", "abc", "--length", 40, "--seed", 3)
    assert code == 0
    assert out.startswith("abc")
    assert len(out) == len("abc") + 40 + len("\n")
    assert set(out) <= set("\n abc")
    assert sample("letters", "--prime", "abc", "--length", 40, "--seed", 3)[1] == out
    assert sample("letters", "--prime", "abc", "--length", 40, "--seed", 4)[1] != out
    assert sample("letters", "--prime", "abc", "--length", 40)[1] != sample("letters", "--prime", "abc")[1]


def test_it_samples_by_the_options(sample):
    _, greedy, _ = sample("letters", "--length", 30, "--temperature", 0)
    assert greedy == sample("letters", "--length", 30, "--top-k", 1)[1]
    assert greedy == sample("letters", "--length", 30, "--top-p", 0)[1]
    assert greedy != sample("letters", "--length", 30, "--temperature", 9, "--seed", 0)[1]


def test_bytes_that_are_not_text_are_shown_as_such(sample):
    code, out, _ = sample("bytes", "--prime", "é", "--length", 60, "--seed", 0)
    assert code == 0
    assert out.startswith("é")
    assert "\ufffd" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["letters", "--prime", "abx"], "the model has not seen 'x' in training; it knows 5 characters: abc"),
        (["nowhere"], "there is no model.json in 'nowhere'; give the folder of a finished run"),
        (["series"], "'series' has a model of the task 'forecast', which can't generate"),
        (["letters", "--top-p", "1.5"], "option top_p: input should be less than or equal to 1, got '1.5'"),
        (
            ["letters", "--temperature", "-1"],
            "option temperature: input should be greater than or equal to 0, got '-1'",
        ),
        (["letters", "--length", "0"], "option length: input should be greater than or equal to 1, got '0'"),
    ],
)
def test_mistakes(sample, arguments, message):
    code, out, err = sample(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
