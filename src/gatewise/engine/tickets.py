"""Tickets: a cell and its additions as JSON, so that an operator in a graph holds equations and no code."""

from __future__ import annotations

import json
import reprlib
from dataclasses import asdict, dataclass
from functools import cache

from gatewise.cells.base import CellType
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PROJECTION, Extras
from gatewise.errors import GatewiseError
from gatewise.plain import one_line, parse_json

LONGEST_TICKET = 1 << 20
_cells: dict[str, CellType] = {}  # the cells of this process, by their data


@dataclass(frozen=True)
class Ticket:
    """The cell of an operator, the additions of its layer, and the names of its parameters in their order."""

    cell: CellType
    extras: Extras
    names: tuple[str, ...]


def write_ticket(cell: CellType, extras: Extras, names: tuple[str, ...]) -> str:
    """A ticket as JSON."""
    data = json.dumps(to_data(cell))
    _cells[data] = cell
    return json.dumps({"cell": data, "extras": asdict(extras), "parameters": names})


@cache
def read_ticket(ticket: str) -> Ticket:
    """Raises: `GatewiseError` if a ticket is not that of a cell that exists or can be built."""
    if len(ticket) > LONGEST_TICKET:
        raise GatewiseError(f"a ticket of {len(ticket)} characters is larger than {LONGEST_TICKET}")
    try:
        match parse_json(ticket):
            case {
                "cell": str(data),
                "extras": {"projected": bool(projected), "zoned": [*zoned], "masked": bool(masked)},
                "parameters": [*names],
            }:
                cell = _cells.get(data) or from_data(parse_json(data))
            case _:
                raise ValueError("expected a cell, its extras and the names of its parameters")
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"the ticket of a gatewise operator can't be read: {one_line(error)}") from error
    if any(one not in cell.state for one in zoned) or len(set(map(str, zoned))) < len(zoned):
        raise GatewiseError(
            f"the ticket of a gatewise operator has zoneout for {reprlib.repr(zoned)}; the states of "
            f"{cell.__name__} are {', '.join(cell.state)}"
        )
    needed = {one.name for one in layout(cell).of(bias=False)} | ({PROJECTION} if projected else set())
    known = {one.name for one in layout(cell).parameters} | ({PROJECTION} if projected else set())
    given = {one for one in names if isinstance(one, str)}
    if len(given) < len(names) or not needed <= given <= known:
        raise GatewiseError(
            f"the ticket of a gatewise operator names {reprlib.repr(names)}; expected the parameters of "
            f"{cell.__name__}, {', '.join(sorted(known))}"
        )
    return Ticket(cell, Extras(projected, tuple(zoned), masked), tuple(names))
