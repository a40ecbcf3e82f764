"""Classifiers of clips as modules of raw pixels: the probabilities of `predict`."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import gatewise
from gatewise.errors import GatewiseError
from gatewise.tasks.frames.task import TASK
from tests.moving import DOT, moving

SMALL = {"hidden": 4, "features": 6, "filters": (3,), "epochs": 1, "progress": False}


def test_probabilities_are_those_of_predict():
    clips, ways = zip(*moving([DOT], 24, side=9, shortest=3, longest=6, ways=("right", "left")), strict=True)
    model = gatewise.Classifier(kind="frames", **SMALL, cell="gru").fit(list(clips), np.array(ways))
    deployed = TASK.deployed(model.model_)
    lengths = torch.tensor([len(one) for one in clips])
    frames = torch.full((len(clips), int(lengths.max()), 9, 9, 1), torch.nan)
    for number, one in enumerate(clips):
        frames[number, : len(one), :, :, 0] = torch.from_numpy(one.astype(np.float32))
    with torch.no_grad():
        (found,) = deployed(frames, lengths)
    np.testing.assert_allclose(found, model.predict_proba(list(clips)), rtol=1e-5, atol=1e-6)
    mean = next(one for one in model.comparison_.results if one.name == "mean frame").predictions.network
    with pytest.raises(GatewiseError, match="it is the baseline MeanFrame; give a network"):
        TASK.deployed(replace(model.model_, network=mean))
