"""The ticket of an exported operator is data of a stranger: nothing in it reaches a compiler unchecked."""

import copy
import json

import pytest
import torch

from gatewise.cells import LSTM
from gatewise.cells.serialization import to_data
from gatewise.engine import operators
from gatewise.errors import GatewiseError
from tests.cells.test_limits import CODE, replaced, strings_of

GOOD = {
    "cell": json.dumps(to_data(LSTM)),
    "extras": {"projected": False, "zoned": [], "masked": False},
    "parameters": ["weight_ih", "weight_hh", "bias_ih", "bias_hh"],
}


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch):
    """A ticket that is accepted would ask for a kernel."""

    def kernel(*_):
        raise AssertionError("a kernel was asked for")

    monkeypatch.setattr(operators, "kernel", kernel)
    operators.kernel_of.cache_clear()


def refused(ticket):
    text = ticket if isinstance(ticket, str) else json.dumps(ticket)
    with pytest.raises(GatewiseError) as raised:
        operators.kernel_of(text, torch.float32)
    assert "\n" not in str(raised.value)


def test_a_ticket_that_is_right_asks_for_its_kernel():
    with pytest.raises(AssertionError, match="a kernel was asked for"):
        operators.kernel_of(json.dumps(GOOD), torch.float32)


def test_code_at_any_place_of_a_ticket_is_refused():
    cell = to_data(LSTM)
    for path in strings_of(cell):
        if path[-1] not in ("about", "source"):
            refused({**GOOD, "cell": json.dumps(replaced(cell, path, CODE))})
    for path in strings_of(GOOD):
        refused(replaced(GOOD, path, CODE))


@pytest.mark.parametrize(
    "change",
    [
        {"cell": 3}, {"cell": "[]"}, {"cell": "{"}, {"extras": None}, {"extras": {}}, {"parameters": None},
        {"parameters": []}, {"parameters": ["weight_ih", "weight_hh", "bias_ih", "bias_ih"]},
        {"parameters": ["weight_ih", "bias_ih", "bias_hh"]}, {"parameters": [["weight_ih"], "weight_hh"]},
        {"parameters": [*GOOD["parameters"], "projection"]},
        {"extras": {"projected": True, "zoned": [], "masked": False}},
        {"extras": {"projected": 0, "zoned": [], "masked": False}},
        {"extras": {"projected": False, "zoned": ["x"], "masked": False}},
        {"extras": {"projected": False, "zoned": ["h", "h"], "masked": False}},
        {"extras": {"projected": False, "zoned": [["h"]], "masked": False}},
    ],
    ids=str,
)  # fmt: skip
def test_tickets_of_another_kind(change):
    refused({**copy.deepcopy(GOOD), **change})


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"cell": NaN}', " " * (2 << 20)], ids=len)
def test_tickets_that_are_not_json(text):
    refused(text)
