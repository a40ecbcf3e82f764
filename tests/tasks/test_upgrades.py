"""Models of every format that was ever written load, and compute what they computed then."""

from importlib import import_module
from pathlib import Path

import pytest
import torch

from gatewise.data.images.captions import CaptionBatch
from gatewise.data.images.clips import ClipBatch
from gatewise.data.images.labelled_images import ImageBatch
from gatewise.data.labels.token_steps import TokenBatch
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.data.sequences.targets import TargetBatch
from gatewise.data.splits import Fractions
from gatewise.data.text.parallel import PairBatch
from gatewise.tasks.frames.data import Preprocessing
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from gatewise.tasks.upgrades import FORMAT, UPGRADES, upgrade

SAVED = Path(__file__).parent / "saved"
INPUTS = torch.linspace(-1, 1, 24)
SEQUENCES = SequenceBatch(INPUTS[:8].reshape(2, 4, 1), torch.tensor([4, 2]), torch.tensor([0, 1]))
IMAGES = ImageBatch(INPUTS.reshape(2, 4, 3, 1), torch.tensor([[4, 3], [4, 3]]), torch.tensor([0, 1]))
CLIPS = ClipBatch(
    torch.linspace(-1, 1, 96).reshape(2, 3, 4, 4, 1), torch.tensor([3, 2]), torch.tensor([0, 1])
)
TOKENS = TokenBatch(
    words=torch.tensor([[1, 2, 0], [4, 0, 0]]),
    spellings=torch.tensor([[0, 1, 2], [3, 0, 0]]),
    letters=torch.tensor([[1, 2], [3, 0], [5, 4], [2, 0]]),
    sizes=torch.tensor([2, 1, 2, 1]),
    lengths=torch.tensor([3, 1]),
    labels=torch.zeros(2, 3, dtype=torch.long),
)
COMPUTED = {  # by the code that wrote the files
    "classify": (lambda one: one.logits(SEQUENCES), [-0.618798375, -0.227759063, -0.651233017]),
    "classify-images": (lambda one: one.logits(IMAGES), [-0.057557821, -0.132070497, -0.052249596]),
    "forecast": (
        lambda one: one(INPUTS[:8].reshape(2, 4, 1), torch.zeros(2, 2, 0)),
        [-1.367892742, -0.108702242, -0.656856948],
    ),
    "generate-vectors": (lambda one: one.nats(SEQUENCES), [0.967304468, 0.900770307, 0.854271948]),
}
CAPTIONS = CaptionBatch(IMAGES.images, IMAGES.sizes, torch.tensor([[5, 4, 3], [4, 3, 0]]))
PAIRS = PairBatch(torch.tensor([[4, 5, 3], [5, 3, 0]]), torch.tensor([3, 2]), CAPTIONS.target)
COMPUTED_IN_3 = {
    "frames": (lambda one: one.logits(CLIPS), [-0.324001282, 0.430925608, -0.489443570]),
    "label": (lambda one: one(TOKENS), [0.168092087, -0.315167278, -0.505550444]),
    "transcribe": (
        lambda one: one(SEQUENCES.values, SEQUENCES.lengths)[0],
        [0.260071784, -0.630260646, -0.340545297],
    ),
    "transcribe-window": (
        lambda one: one(SEQUENCES.values, SEQUENCES.lengths)[0],
        [-0.391838998, -0.384390384, 0.051042765],
    ),
    "caption": (lambda one: one.loss(CAPTIONS), [1.753222466]),
    "caption-most-frequent": (lambda one: numbers(one.caption(CAPTIONS)), [5.0, 4.0, 5.0]),
    "caption-nearest-image": (lambda one: numbers(one.caption(CAPTIONS)), [4.0, 5.0]),
    "translate": (lambda one: one.loss(PAIRS), [1.699816704]),
    "translate-most-frequent": (lambda one: numbers(one.translate(PAIRS)), [5.0, 4.0, 5.0]),
    "translate-word-table": (lambda one: numbers(one.translate(PAIRS)), [5.0, 4.0, 4.0]),
    "generate-vectors": (lambda one: one.nats(SEQUENCES), [1.071142673, 1.006803513, 0.959110498]),
}
COMPUTED_IN_4 = {
    "forecast": (COMPUTED["forecast"][0], [-1.367892742, -0.108702242, -0.656860948]),
    "forecast-decoder": (COMPUTED["forecast"][0], [-0.956170857, 0.920412958, 2.737408638]),
    "forecast-grid": (COMPUTED["forecast"][0], [-1.072269797, -0.285385936, -1.092447519]),
    "forecast-mlp": (COMPUTED["forecast"][0], [-1.104611039, -0.380671978, -0.572366893]),
    "forecast-ridge": (COMPUTED["forecast"][0], [-0.664739013, -0.664739013, -0.664739013]),
}
QUANTILES = (
    lambda one: one.quantiles(one(INPUTS[:8].reshape(2, 4, 1), torch.zeros(2, 2, 0))),
    {
        "forecast": [-0.794196308, -0.767131805, -0.745997846],
        "forecast-decoder": [-0.679512858, -0.670116127, -0.651526511],
        "forecast-mlp": [-0.790793777, -0.785820246, -0.744882226],
        "forecast-student-t": [-0.978774965, -0.903253257, -0.861334443],
    },
)
COMPUTED_IN_5 = {task: (QUANTILES[0], expected) for task, expected in QUANTILES[1].items()}
LOGITS_IN_6 = [-0.497620821, 0.369942069, -0.486209393]
COMPUTED_IN_6 = {
    "classify": (COMPUTED["classify"][0], LOGITS_IN_6),
    "classify-multilabel": (
        lambda one: one.logits(TargetBatch(SEQUENCES.values, SEQUENCES.lengths, torch.zeros(2, 2))),
        LOGITS_IN_6,  # of the same parameters
    ),
    "forecast": (QUANTILES[0], [-0.621712565, -0.609935224, -0.602589607]),
}
CASES = [(2, *case) for case in COMPUTED.items()] + [(3, *case) for case in COMPUTED_IN_3.items()]
CASES += [(4, *case) for case in COMPUTED_IN_4.items()]
CASES += [(5, *case) for case in COMPUTED_IN_5.items()]
CASES += [(6, *case) for case in COMPUTED_IN_6.items()]


def numbers(hypotheses):
    return torch.tensor([float(number) for one in hypotheses for number in one.numbers])


def test_every_format_is_tested():
    assert {version for version, *_ in CASES} == set(UPGRADES)


@pytest.mark.parametrize(("version", "task", "computed"), CASES)
def test_an_earlier_format_loads(version, task, computed, tmp_path):
    compute, expected = computed
    model = load_model(SAVED / f"format-{version}" / task)
    with torch.no_grad():
        torch.testing.assert_close(compute(model.network).flatten()[:3], torch.tensor(expected))
    save_model(tmp_path, model)
    assert f'"format": {FORMAT}' in (tmp_path / "model.json").read_text()
    with torch.no_grad():
        assert torch.equal(compute(load_model(tmp_path).network), compute(model.network))


def test_every_earlier_format_has_files():
    assert {one.name for one in SAVED.iterdir()} == {f"format-{version}" for version in UPGRADES}


def test_a_model_trained_again_on_all_data_before_its_file_said_so():
    model = load_model(SAVED / "format-6" / "forecast")
    assert model.refitted is not None
    assert model.describe_missing() == ()


def test_a_preprocessing_that_was_renamed():
    model = load_model(SAVED / "format-3" / "frames")
    assert load_preprocessing(Preprocessing, model).frame_stride == 3


COLUMNS = {"id": "id", "time": None, "label": "y", "channels": ["x"], "part": "set"}
FRACTIONS = {"validation_share": 0.1, "test_share": 0.2}
SCALES = [{"mean": 0.5, "deviation": 2.0}]
LEARNED = {"series": {"most": SCALES[0]}, "covariates": [], "cycles": [], "seen": {"most": "3"}}
SERIES = {
    "learned": LEARNED, "columns": {"time": "t", "target": "y", "id": None, "known": [], "observed": []},
    "step": "unit", "fill": None, "time_format": None,
}  # fmt: skip
TOKENS_IN_3 = {"kind": "words", "names": ["part"], "lower": False, "model": ""}
IMAGE = {"channels": 1, "size": None, "mean": [0.0], "deviation": [1.0], "span": None}
LABELS = {"labels": ["a", "b"], "most": 7, **FRACTIONS}
PREPROCESSING_IN_3 = {  # as the code of that format wrote it
    "anomaly": {
        "plan": {"false_alarm_rate": 0.01, "context": 2, "period": 1, **FRACTIONS}, "label": None, **SERIES,
    },
    "caption": {
        "form": IMAGE, "symbols": TOKENS_IN_3, "images": None, "columns": ["file", "text"], "part": "set",
        "source": "0", "shares": [0.1, 0.2],
    },
    "classify": {
        "columns": COLUMNS, "fill": None, "classes": ["a", "b"], "scales": SCALES, "source": "0",
        "apart": False, **FRACTIONS,
    },
    "classify-images": {"form": IMAGE, "width": 8, "classes": ["a"], "source": "0", **FRACTIONS},
    "forecast": {"plan": {"horizon": 4, "context": 2, "period": 1, **FRACTIONS}, **SERIES},
    "frames": {
        "form": IMAGE, "size": [4, 4], "every": 3, "classes": ["a"], "source": "0", **FRACTIONS,
    },
    "generate": {
        "alphabet": {"kind": "characters", "characters": " ab"}, "files": "*.txt", "source": "0",
        "split": {"validation": 0.1, "test": 0.2},
    },
    "generate-vectors": {
        "columns": COLUMNS, "channels": ["x"], "fill": None, "differences": [], "part": "set", "binary": [],
        "scales": SCALES, "source": "0", **FRACTIONS, "steps": 3,
    },
    "label": {
        "form": {"token": 1, "label": 2, "vocabulary": {"words": ["most"], "letters": ["m"]}, **LABELS},
        "source": "0",
    },
    "label of a table": {
        "form": {"columns": COLUMNS, "fill": None, "scales": SCALES, **LABELS}, "source": "0",
    },
    "transcribe": {
        "form": {
            "columns": COLUMNS, "fill": None, "scales": SCALES, "targets": None,
            "alphabet": {"symbols": ["a"], "kind": "characters"},
            "plan": {"symbols": "characters", "beam": 8, **FRACTIONS, "part": "set"},
        },
        "source": "0",
    },
    "translate": {
        "source": TOKENS_IN_3, "target": TOKENS_IN_3, "columns": None, "trained_on": "0",
        "target_file": None, "shares": [0.1, 0.2],
    },
}  # fmt: skip


@pytest.mark.parametrize("case", PREPROCESSING_IN_3)
def test_an_earlier_preprocessing_loads(case):
    task = case.partition(" ")[0]
    described = {"format": 3, "kind": "", "task": task, "reading": PREPROCESSING_IN_3[case]}
    data = import_module(f"gatewise.tasks.{task.replace('-', '_')}.data")
    model = SavedModel(task, "model", None, upgrade(described, 3)["preprocessing"])
    loaded = load_preprocessing(data.Preprocessing, model)
    own = getattr(loaded, "plan", getattr(loaded, "form", loaded))
    own = getattr(own, "options", own)
    fractions = getattr(own, "fractions", None) or loaded.fractions
    assert fractions == Fractions(0.1, 0.2)
    if task in ("caption", "generate-vectors"):
        assert loaded.split_column == "set"
    if task == "label":
        assert own.max_length == 7
    columns = getattr(loaded, "columns", None) or getattr(own, "columns", None)
    assert not isinstance(columns, LongColumns) or columns.split_column == "set"
