"""Calendar features of times as tensors, as `gatewise.data.series.calendar` computes them from a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import torch
from torch import Tensor

DAY = 86_400  # seconds
MINUTE = 60
EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday, and Monday is 0
ERA_DAYS, ERA_YEARS = 146_097, 400  # the calendar repeats after an era
ERA_OFFSET = 719_468  # days from 0000-03-01 to 1970-01-01


def calendar_inputs(times: Tensor, cycles: Sequence[str]) -> Tensor:
    """Sine and cosine of the phase in each cycle: int64 seconds since 1970-01-01 [...] -> [..., 2 * cycles].

    >>> noon = torch.tensor([43_200])
    >>> calendar_inputs(noon, ["day"]).round().tolist()
    [[0.0, -1.0]]
    """
    days = torch.div(times, DAY, rounding_mode="floor")
    minutes = torch.div(times - days * DAY, MINUTE, rounding_mode="floor")
    day = minutes.double() / (DAY // MINUTE)
    phases = {
        "day": day,
        "week": ((days + EPOCH_WEEKDAY) % 7 + day) / 7,
        "year": _day_of_year(days) / 365.25,
    }
    angles = 2 * pi * torch.stack([phases[cycle] for cycle in cycles], dim=-1)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


def _day_of_year(days: Tensor) -> Tensor:
    """The days since the first of January of the same year, from days since 1970-01-01.

    Years that begin in March have their leap day at the end, so that whole years are counted by divisions.

    >>> _day_of_year(torch.tensor([0, 58, 59, 365 + 365 + 366 - 1])).tolist()
    [0.0, 58.0, 59.0, 365.0]
    """

    def quotient(values: Tensor, by: int) -> Tensor:
        return torch.div(values, by, rounding_mode="floor")

    shifted = days + ERA_OFFSET
    within = shifted - quotient(shifted, ERA_DAYS) * ERA_DAYS
    skipped = quotient(within, 1460) - quotient(within, 36_524) + quotient(within, ERA_DAYS - 1)
    year = quotient(within - skipped, 365)  # of the era, from March on
    in_year = within - (365 * year + quotient(year, 4) - quotient(year, 100))  # from the first of March
    before_march = in_year >= 306  # January and February, of the next year
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % ERA_YEARS == 0))
    return torch.where(before_march, in_year - 306, in_year + 59 + is_leap.long()).double()
