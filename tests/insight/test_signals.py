"""What a text does at each of its characters."""

import pytest

from gatewise.insight.signals import inside_quotes, line_positions, text_signals


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('a "b" c', "0011000"),
        ("“a” „b“ «c»", "11001100110"),
        ('"a\nb" c', "1111000"),  # over a line break
        ('"a\n\nb" c', "11000111"),  # an empty line ends it, and the next mark opens another
        ('"“" a', "11000"),
        ("it's", "0000"),
    ],
)
def test_quotations(text, inside):
    assert "".join("01"[int(one)] for one in inside_quotes(text)) == inside


def test_places_in_lines():
    assert line_positions("ab\n\nc\r\nd").tolist() == [0, 1, 2, 0, 0, 1, 2, 0]
    assert line_positions("").tolist() == []


def test_only_what_there_is():
    assert list(text_signals("a b")) == ["spaces"]
    assert not text_signals("abc")
    found = text_signals("Ab (1\n)")
    assert found["depth of brackets"].tolist() == [0, 0, 0, 1, 1, 1, 0]
    assert found["capital letters"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert found["digits"].tolist() == [0, 0, 0, 0, 1, 0, 0]
    assert "inside quotation marks" not in found
