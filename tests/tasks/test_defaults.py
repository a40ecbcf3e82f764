"""The defaults of a network's constructor are those of its task's options."""

import inspect

import pytest

from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks.classify.network import HybridClassifier
from gatewise.tasks.classify.options import ClassifyNetworkOptions
from gatewise.tasks.classify_images.network import GridClassifier, LatticeClassifier
from gatewise.tasks.classify_images.options import ImageNetworkOptions
from gatewise.tasks.classify_images.rows import RowClassifier
from gatewise.tasks.classify_multilabel.network import SequenceMultilabelClassifier
from gatewise.tasks.classify_multilabel.options import MultilabelNetworkOptions
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork
from gatewise.tasks.forecast.options import ForecastNetworkOptions
from gatewise.tasks.frames.network import FrameClassifier
from gatewise.tasks.frames.options import FrameNetworkOptions
from gatewise.tasks.label.network import LabelNetwork
from gatewise.tasks.label.options import LabelNetworkOptions


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (ForecastNetwork, ForecastNetworkOptions),
        (GridForecastNetwork, ForecastNetworkOptions),
        (EncoderDecoderForecastNetwork, ForecastNetworkOptions),
        (SequenceClassifier, ClassifyNetworkOptions),
        (HybridClassifier, ClassifyNetworkOptions),
        (SequenceMultilabelClassifier, MultilabelNetworkOptions),
        (RowClassifier, ImageNetworkOptions),
        (LatticeClassifier, ImageNetworkOptions),
        (GridClassifier, ImageNetworkOptions),
        (FrameClassifier, FrameNetworkOptions),
        (LabelNetwork, LabelNetworkOptions),
    ],
)
def test_one_set_of_defaults(network, options):
    parameters = inspect.signature(network).parameters
    shared = parameters.keys() & options.model_fields.keys()
    assert {"hidden", "layers"} <= shared
    for name in shared:
        assert parameters[name].default == options.model_fields[name].default, name
