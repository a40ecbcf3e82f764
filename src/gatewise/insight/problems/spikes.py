"""Precise timing: spikes whose distance is measured or generated (Gers, Schraudolph and Schmidhuber 2002)."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.insight.problems.batch import StepProblem


def measured_delays(period: int, delays: int, spikes: int, rows: int, random: torch.Generator) -> StepProblem:
    """Spikes are `period` + I(n) steps apart; the target at the n-th spike is I(n), and 0 elsewhere.

    The input is 1 at spikes, and 0 elsewhere. I(n) is drawn from 0 to `delays`. A prediction is
    correct if its error is below 0.49.

    >>> measured_delays(10, 1, 5, 3, torch.Generator().manual_seed(0)).inputs.shape
    torch.Size([55, 3, 1])
    """
    drawn, at = _times(period, delays, spikes, rows, random)
    spiked, delayed = (torch.zeros(spikes * (period + delays) + 1, rows) for _ in range(2))
    spiked.scatter_(0, at, 1.0)
    delayed.scatter_(0, at, drawn.float())
    return _without_first_step(spiked, delayed, at[-1])


def generated_spikes(
    period: int, delays: int, spikes: int, rows: int, random: torch.Generator
) -> StepProblem:
    """Spikes are `period` + I(n) steps apart; the target is 1 at spikes, and 0 elsewhere.

    The input is I(n) at the step after the spike before, and 0 elsewhere: inputs and targets of
    `measured_delays` are exchanged.

    >>> generated_spikes(10, 1, 5, 3, torch.Generator().manual_seed(0)).targets.shape
    torch.Size([55, 3, 1])
    """
    drawn, at = _times(period, delays, spikes, rows, random)
    spiked, delayed = (torch.zeros(spikes * (period + delays) + 1, rows) for _ in range(2))
    spiked.scatter_(0, at, 1.0)
    delayed.scatter_(0, torch.cat([torch.ones_like(at[:1]), at[:-1] + 1]), drawn.float())
    return _without_first_step(delayed, spiked, at[-1])


def _times(
    period: int, delays: int, spikes: int, rows: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The delays, and the steps of the spikes, counted from 1: [spikes, B] each."""
    drawn = torch.randint(delays + 1, (spikes, rows), generator=random)
    return drawn, (period + drawn).cumsum(0)


def _without_first_step(inputs: Tensor, targets: Tensor, last: Tensor) -> StepProblem:
    """Steps from 1 on, of which those up to the last spike count."""
    counted = torch.arange(1, len(inputs))[:, None] <= last
    return StepProblem(inputs[1:, :, None], targets[1:, :, None], counted)
