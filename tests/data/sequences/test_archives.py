"""The archives' forms, as they are on the web, and damaged."""

import numpy as np
import pytest

from gatewise.data.sequences.archives import read_archive
from gatewise.errors import GatewiseError

TS = """#A comment with: colons, and @data
@problemName Toy
@timeStamps false
@missing false
@univariate false
@classLabel true 10 9 b
@data
1,2,3:4,5,6:b

0.5 , -1e-3:7,8: 10
# in between
9:9:9
"""
RELATION = r"""% a comment
@RELATION Toy
@attribute Toy relational
 @attribute t0 numeric
 @attribute t1 numeric
 @attribute t2 numeric
@end Toy
@attribute target {10,9,'b c'}
@data
'1,2,3\n4,5,6','b c'
"0.5,-1e-3,?\n7,8,?",10

% in between
'9,?,?\n9,?,?',9
"""
FLAT = """@relation Toy
@attribute t0 numeric
@attribute t1 real
@attribute class {u, 'v,w'}
@data
1,2,u
3,4, 'v,w'
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="data.ts"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def sequences(table):
    """Each as its values and its class."""
    return [
        (table.values[first:last].tolist(), *{table.classes[one] for one in table.labels[first:last]})
        for first, last in zip(table.offsets[:-1], table.offsets[1:], strict=True)
    ]


@pytest.mark.parametrize(("text", "name", "word"), [(TS, "data.ts", "b"), (RELATION, "data.ARFF", "b c")])
def test_sequences_of_different_lengths(write, text, name, word):
    table = read_archive(write(text, name))
    assert sequences(table) == [
        ([[1, 4], [2, 5], [3, 6]], word),
        ([[0.5, 7], [-1e-3, 8]], "10"),
        ([[9, 9]], "9"),
    ]
    assert table.classes == ("9", "10", word)  # numbers as numbers, before words
    assert table.sizes.tolist() == [3, 2, 1]
    assert (table.ids, table.channels) == (("1", "2", "3"), ("channel1", "channel2"))
    assert table.place(4) == "sequence '2', step 2"


def test_one_channel(write):
    assert sequences(read_archive(write(FLAT, "data.arff"))) == [([[1], [2]], "u"), ([[3], [4]], "v,w")]
    text = "@classLabel true u v\n@data\n1,2:v\n3:u\n"
    assert sequences(read_archive(write(text))) == [([[1], [2]], "v"), ([[3]], "u")]
    assert sequences(read_archive(write(("\ufeff" + text).replace("\n", "\r\n")))) == [
        ([[1], [2]], "v"),
        ([[3]], "u"),
    ]


def test_real_archives(real_data):
    table = read_archive(real_data / "ucr" / "JapaneseVowels_TRAIN.ts")
    assert (len(table), len(table.channels), table.classes) == (270, 12, tuple("123456789"))
    assert (table.sizes.min(), table.sizes.max()) == (7, 26)
    assert np.bincount(table.labels[table.offsets[:-1]]).tolist() == [30] * 9
    assert table.values[0, :2].tolist() == [1.860936, -0.207383]
    table = read_archive(real_data / "ucr" / "ArrowHead_TRAIN.ts")
    assert (len(table), len(table.channels), set(table.sizes)) == (36, 1, {251})


def test_missing_values(write):
    text = TS.replace("1,2,3:4,5,6", "?,2,?:4,5,NaN").replace("9:9:9", "9,?:9,?:9")
    with pytest.raises(
        GatewiseError, match=r"data.ts, line 8: the value of step 1 is missing in channel 1; --fill"
    ):
        read_archive(write(text))
    table = read_archive(write(text), fill="forward")
    assert sequences(table)[0] == (
        [[2, 4], [2, 5]],
        "b",
    )  # what is missing in all channels at the end is not there
    assert sequences(table)[2] == ([[9, 9]], "9")
    assert table.notes == ("missing values filled with the value before them: 1",)
    with pytest.raises(GatewiseError, match="sequence '1' has no value at all in column 'channel1'"):
        read_archive(write(TS.replace("1,2,3:", "?,?,?:")), fill="forward")


def test_values_with_times_are_read_in_their_order(write):
    text = TS.replace("timeStamps false", "timeStamps true").replace(
        "1,2,3:4,5,6:b", "(2004-01-02 00:00:00,2),(2004-01-01 12:30:00,1):(2004-01-01,4),(2004-01-03,6):b"
    )
    text = text.replace("0.5 , -1e-3:7,8: 10", "(0,0.5),(3,-1e-3):(0,7),(3,8):10").replace(
        "9:9:9", "(5,9):(5,9):9"
    )
    table = read_archive(write(text), fill="forward")
    assert sequences(table)[0] == ([[1, 4], [1, 4], [2, 4], [2, 6]], "b")
    assert sequences(table)[1:] == [([[0.5, 7], [-1e-3, 8]], "10"), ([[9, 9]], "9")]
    assert table.notes[0].startswith("times give the order of the steps; how far apart they are is not used")
    with pytest.raises(GatewiseError, match="line 8: the value of step 1 is missing in channel 1; --fill"):
        read_archive(write(text))
    for old, new, message in (
        ("(0,0.5)", "(3,0.5)", "line 10: channel 1 has a time twice"),
        ("(0,0.5)", "(soon,0.5)", "line 10: Invalid isoformat string: 'soon'"),
        ("(0,0.5)", "0,0.5", "line 10: channel 1 is not written as "),
        ("(0,0.5)", "(0,half)", "line 10: could not convert string to float: 'half'"),
    ):
        with pytest.raises(GatewiseError, match=message):
            read_archive(write(text.replace(old, new)), fill="forward")


def test_channels_of_different_lengths_are_filled_on_request(write):
    text = TS.replace("1,2,3:4,5,6:b", "1:4,5,6:b")
    with pytest.raises(
        GatewiseError, match=r"line 8: the channels have \[1, 3\] steps; .* or --fill forward"
    ):
        read_archive(write(text))
    table = read_archive(write(text), fill="forward")
    assert sequences(table)[0] == ([[1, 4], [1, 5], [1, 6]], "b")
    assert table.notes == ("missing values filled with the value before them: 2",)


SPARSE = FLAT.replace("1,2,u", "{1 2.5, 2 'v,w'}").replace("3,4, 'v,w'", "{ 0 -3 }")


def test_sparse_rows_have_zeros_and_the_first_class(write):
    table = read_archive(write(SPARSE, "data.arff"))
    assert sequences(table) == [([[0], [2.5]], "v,w"), ([[-3], [0]], "u")]
    assert table.notes == ("sparse rows without a class are of the first one of the header: 1",)
    assert read_archive(write(SPARSE, "data.arff"), labelled=False).notes == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{1 2.5, 2 x}", "line 6: expected one of the labels u, v,w, got 'x'"),
        ("{1 2.5, 3 u}", "line 6: there is no attribute 3; the last one is 2"),
        ("{1 2.5, 2 u", "line 6: expected attributes by number with their values"),
        ("{1:2.5}", "line 6: expected attributes by number with their values"),
        ("{1 high, 2 u}", "line 6: could not convert string to float: 'high'"),
    ],
)
def test_broken_sparse_rows(write, row, message):
    with pytest.raises(GatewiseError, match=message):
        read_archive(write(SPARSE.replace("{1 2.5, 2 'v,w'}", row), "data.arff"))


def test_without_labels(write):
    text = "@classLabel false\n@data\n1,2:3,4\n5:6\n"
    table = read_archive(write(text), labelled=False)
    assert (table.labels, table.channels, table.sizes.tolist()) == (None, ("channel1", "channel2"), [2, 1])
    assert read_archive(write(TS), labelled=False).values.tolist() == read_archive(write(TS)).values.tolist()
    assert len(read_archive(write(FLAT.replace(",u\n", ",?\n"), "data.arff"), labelled=False)) == 2
    bare = FLAT.replace("@attribute class {u, 'v,w'}\n", "").replace(",u", "").replace(", 'v,w'", "")
    assert read_archive(write(bare, "data.arff"), labelled=False).values[:, 0].tolist() == [1, 2, 3, 4]
    for path in (write(text), write(bare, "data.arff"), write(FLAT.replace("2,u", "2,?"), "other.arff")):
        with pytest.raises(GatewiseError, match=r"line [356]: the sequence has no label"):
            read_archive(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("timeStamps false", "timeStamps true", "line 8: channel 1 is not written as .time,value.,.time,val"),
        (
            "1,2,3:",
            "1,two,3:",
            "line 8: could not convert string to float: 'two'; expected numbers separated by commas",
        ),
        ("1,2,3:", "1;2;3:", "line 8: could not convert string to float: '1;2;3'"),
        ("1,2,3:", "(0,1),(1,2),(2,3):", "line 8: could not convert string to float: '\\(0'"),
        ("1,2,3:", "1,inf,3:", r"line 8: expected values up to 1e\+30, got inf"),
        ("1,2,3:", "1,-1e31,3:", r"line 8: expected values up to 1e\+30, got -1e"),
        ("1,2,3:", "1,2:", r"line 8: the channels have \[2, 3\] steps; expected the same number"),
        ("1,2,3:4,5,6:b", "?,?,?:?,?,?:b", "line 8: the sequence has no values"),
        ("1,2,3:4,5,6:b", ":b", "line 8: the sequence has no values"),
        ("9:9:9", "9:9:8", "line 12: expected one of the labels 10, 9, b, got '8'"),
        ("9:9:9", "9:9", "line 12: expected 2 channels as before, got 1"),
        ("9:9:9", "9", "line 12: expected channels and a label, separated by colons"),
        ("9:9:9", "9:9:", "line 12: the sequence has no label"),
        ("9:9:9", "9:9:?", "line 12: the sequence has no label"),
        ("3:4,5,6:b", "3:4,5,6", "line 8: expected one of the labels 10, 9, b, got '4,5,6'"),
        ("\n@data", "\n@date", "has no @data line, which a .ts file needs"),
        (TS[TS.index("1,2") :], "", "has no sequences after its @data line"),
        ("\n@classLabel true 10 9 b", "", "line 7: could not convert string to float: 'b'"),
        ("comment", "c\xf6mment", r"is not in UTF-8, at byte 4 \(line 1\)"),
        ("9:9:9", "9:\xf6:9", r"is not in UTF-8, at byte 183 \(line 12\)"),
        ("univariate false", "univariate true", "line 8: .* declares 1 channels for each sequence, got 2"),
        ("@missing", "@dimensions 3\n@missing", "line 9: .* declares 3 channels for each sequence, got 2"),
        (
            "@missing",
            "@dimensions many\n@missing",
            "line 4: expected a number after @dimensions, got 'many'",
        ),
        (
            "@missing",
            "@equalLength true\n@missing",
            "line 11: the header declares 3 steps for each sequence, got 2",
        ),
        ("@missing", "@seriesLength 4\n@missing", "line 9: .* declares 4 steps for each sequence, got 3"),
        ("@missing", "@seriesLength 9999999999\n@missing", "expected a number after @serieslength"),
        (
            "@missing",
            "@targetLabel true\n@missing",
            "line 4: expected classes with @classLabel, got numeric targets, which are for the task",
        ),
        ("@missing", "1,2:b\n@missing", "has no @data line, which a .ts file needs, above line 4, which"),
        ("1,2,3:", "1_0,2,3:", "line 8: expected numbers separated by commas, got '1_0,2,3'"),
        ("9:9:9", "9:9:\0", "line 12: expected one of the labels 10, 9, b"),
    ],
)
def test_broken_ts(write, old, new, message):
    assert old in TS
    with pytest.raises(GatewiseError, match=f"data.ts.*{message}"):
        read_archive(write(TS.replace(old, new, 1).encode("latin-1")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("'9,?,?", "'9,?", r"line 14: the channels have \[2, 3\] steps"),
        ("'9,?,?", "'nine,?,?", "line 14: could not convert string to float: 'nine'"),
        ("',9", "',8", "line 14: expected one of the labels 10, 9, b c, got '8'"),
        ("',9", "',?", "line 14: the sequence has no label"),
        ("',9", "'", "line 14: the sequence has no label|line 14: could not convert"),
        ("'9,?,?\\n9,?,?',9", "{0 9, 2 7}", "line 14: "),
        ("@data", "@date", "has no @data line, which an .arff file needs"),
        (" @attribute t2 numeric\n", "", "line 9: the header declares 2 steps for each sequence, got 3"),
    ],
)
def test_broken_arff(write, old, new, message):
    assert old in RELATION
    with pytest.raises(GatewiseError, match=f"data.arff.*{message}"):
        read_archive(write(RELATION.replace(old, new, 1), "data.arff"))


def test_no_file(tmp_path):
    with pytest.raises(GatewiseError, match="there is no file"):
        read_archive(tmp_path / "none.ts")
