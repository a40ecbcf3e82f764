"""The tasks that have attribution, and the names of the outputs that are attributed."""

import pytest
import torch

from gatewise.cells import GRU
from gatewise.data.text.parallel import PairBatch
from gatewise.report.example import Track
from gatewise.tasks import TASKS
from gatewise.tasks.translate.inspect import explain_translate
from gatewise.tasks.translate.network import EncoderDecoder
from tests.tasks.test_examples import example, folder

__all__ = ["folder"]  # the data of every task

OFFERED = (
    "forecast", "classify", "classify-images", "classify-multilabel", "frames", "label", "generate",
    "regress", "translate",
)  # fmt: skip

SMALL = {
    "forecast": ("series.csv", {"horizon": 4, "context": 12, "hidden": 4}),
    "anomaly": ("series.csv", {"context": 12, "hidden": 4}),
    "classify": ("sequences.csv", {"hidden": 4}),
    "classify-images": ("bars", {"hidden": 4}),
    "classify-multilabel": ("sets.csv", {"hidden": 4, "label_separator": ";"}),
    "frames": ("clips.npz", {"hidden": 4, "features": 4, "filters": (4,)}),
    "label": ("motifs.csv", {"hidden": 4}),
    "regress": ("numbers.csv", {"hidden": 4}),
    "generate": ("text.txt", {"hidden": 4, "embedding": 4, "steps": 32}),
    "translate": ("pairs.csv", {"hidden": 4, "embedding": 4, "min_count": 1, "beam": 1}),
    "caption": ("captions", {"hidden": 4, "embedding": 4, "filters": (4,), "beam": 1}),
    "transcribe": ("signals.csv", {"hidden": 4, "stack_frames": 2, "targets": "texts.csv"}),
    "generate-vectors": ("strokes.csv", {"hidden": 4, "components": 2}),
}


@pytest.mark.parametrize("task", TASKS)
def test_attribution_is_offered_by_the_documented_tasks(folder, task):
    if task in ("translate", "caption"):
        pytest.importorskip("sacrebleu")
    path, options = SMALL[task]
    found, _, _ = example(task, folder / path, **options)
    assert (found.attribute is not None) == (task in OFFERED)


def test_an_empty_translation_is_described_as_empty():
    pytest.importorskip("captum", reason="Captum is not installed")
    network = EncoderDecoder(GRU, sources=6, targets=6, embedding=3, hidden=4, layers=1).eval()
    source = torch.tensor([[4, 5, 2]])
    batch = PairBatch(source, torch.tensor([3]), source)
    found = explain_translate(network, batch, "", Track("read", symbols=("a", "b", "(end)")))
    assert found.output_name == "ln p of the translation (empty)"


def test_a_report_opens_on_the_words_not_on_the_letters_of_one(folder):
    found, _, output = example("label", folder / "names.conll", 2, hidden=4, embedding=4, char_hidden=3)
    modules = [one["module"] for one in output["layers"]]
    assert modules[0] == "reader.speller"
    assert modules[found.first_layer(modules)] == "recurrent"
