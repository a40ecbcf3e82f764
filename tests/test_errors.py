"""Errors are one line, whatever a file contains."""

import pytest

from gatewise.errors import GatewiseError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\u202egnp.exe\u2028", r"\u202egnp.exe\u2028"),
        ("caf\udce9.png", r"caf\udce9.png"),
        ("Größe 日本", "Größe 日本"),
    ],
)
def test_controls_become_escapes(text, shown):
    assert str(GatewiseError(text)) == shown


def test_a_long_message_keeps_its_beginning_and_its_end():
    output = str(GatewiseError("a" * 10**6 + "; what to do"))
    assert len(output) < 2100
    assert output.startswith("aaa")
    assert output.endswith("aaa; what to do")
