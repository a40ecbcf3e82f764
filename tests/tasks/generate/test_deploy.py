"""Language models as modules with their state in and out."""

from dataclasses import replace

import pytest
import torch

import gatewise
from gatewise.data.tokenizers.streams import stream_tokenizer
from gatewise.errors import GatewiseError
from gatewise.tasks.generate.task import TASK
from tests.texts import words

SMALL = {"hidden": 8, "embedding": 6, "steps": 2, "steps_per_epoch": 2, "progress": False}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"cell": "lstm", "layers": 2}, marks=pytest.mark.thorough),
        {"cell": "slstm", "network": "blocks", "tied": True},
    ],
)
def test_a_whole_text_and_symbol_by_symbol(options):
    model = gatewise.TextGenerator(**SMALL, **options).fit(words(4000))
    deployed = TASK.deployed(model.model_)
    tokenizer = stream_tokenizer(deployed.description["tokenizer"])
    symbols = torch.from_numpy(tokenizer.encode(words(40, seed=1).encode()).astype("int64"))[None]
    state = torch.zeros(1, deployed.inputs[1].axes[1])
    with torch.no_grad():
        logits, last = deployed(symbols, state)
        nats, _ = model.network_.nats(symbols)
        steps = []
        for symbol in symbols.T:
            step, state = deployed(symbol[None], state)
            steps.append(step)
    chosen = -logits.log_softmax(-1)[:, :-1].gather(-1, symbols[:, 1:, None])[..., 0]
    torch.testing.assert_close(chosen, nats)
    torch.testing.assert_close(torch.cat(steps, 1), logits)
    torch.testing.assert_close(state, last)


def test_a_baseline_is_refused():
    model = gatewise.TextGenerator(**SMALL, cell="rnn").fit(words(4000))
    ngram = next(one for one in model.comparison_.results if one.name == "n-gram")
    with pytest.raises(GatewiseError, match="it is the baseline Ngram; give a network"):
        TASK.deployed(replace(model.model_, network=ngram.predictions.network))
