"""Archives of series: every value at its time, and every mistake by its line."""

import gzip
import io
import zipfile
from datetime import datetime

import numpy as np
import pytest

import gatewise as gw
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.reading import read_sequences
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.dialect import Dialect
from gatewise.errors import GatewiseError

TEXT = """# Visitors of two parks
@relation visitors
@attribute series_name string
@attribute region string
@attribute area numeric
@attribute start_timestamp date
@frequency half_hourly
@horizon 8
@missing true
@equallength false
@data
P1:south:2.5:2002-01-01 23-00-00:1,2,3,4
P2:south é:?:2002-01-03 00-30-00:1.5,?,-3
"""


@pytest.fixture
def write(tmp_path):
    def to(content, name="visitors.tsf"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def test_values_are_at_their_times(write):
    found = read_series(write(TEXT), fill="linear")
    assert [series.id for series in found.series] == ["P1", "P2"]
    first, second = found.series
    assert (first.target.tolist(), second.target.tolist()) == ([1, 2, 3, 4], [1.5, -0.75, -3])
    assert first.times.to_list()[::3] == [datetime(2002, 1, 1, 23), datetime(2002, 1, 2, 0, 30)]
    assert second.times[2] == datetime(2002, 1, 3, 1, 30)
    assert (str(found.step), found.columns.id, found.columns.target) == ("30 minutes", "series_name", "value")
    assert found.notes[:3] == (
        "the file has the frequency half_hourly: a step of 30 minutes",
        "the file suggests to forecast 8 steps (--horizon 8)",
        "not used: 'region', 'area'; --known or --observed adds them",
    )


def test_attributes_are_covariates(write):
    columns = Columns(observed=("region",), categorical=("region",))
    found = read_series(write(TEXT), columns, fill="linear")
    assert [series.observed[:, 0].tolist() for series in found.series] == [[1] * 4, [2] * 3]
    with pytest.raises(GatewiseError, match=r"line 13 \(value 1\), column 'area' is empty"):
        read_series(write(TEXT), Columns(known=("area",)), fill="linear")


@pytest.mark.parametrize(
    ("frequency", "step", "last"),
    [
        ("4_seconds", "4 seconds", "2002-01-01 23:00:12"),
        ("minutely", "minute", "2002-01-01 23:03:00"),
        ("10_minutes", "10 minutes", "2002-01-01 23:30:00"),
        ("hourly", "hour", "2002-01-02 02:00:00"),
        ("Daily", "day", "2002-01-04 23:00:00"),
        ("weekly", "week", "2002-01-22 23:00:00"),
        ("monthly", "month", "2002-04-01 23:00:00"),
        ("quarterly", "quarter", "2002-10-01 23:00:00"),
        ("yearly", "year", "2005-01-01 23:00:00"),
    ],
)
def test_frequencies(write, frequency, step, last):
    found = read_series(write(TEXT.replace("half_hourly", frequency)), fill="linear")
    assert (str(found.step), str(found.series[0].times[-1])) == (step, last)


@pytest.mark.parametrize("lack", ["@frequency half_hourly\n", "@attribute start_timestamp date\n"])
def test_times_are_counted_without_a_frequency_or_a_start(write, lack):
    text = TEXT.replace(lack, "")
    if "start" in lack:
        text = text.replace(":2002-01-01 23-00-00", "").replace(":2002-01-03 00-30-00", "")
    found = read_series(write(text), fill="linear")
    assert found.series[0].times.to_list() == [0, 1, 2, 3]
    assert "times are counted in each series" in found.notes[0]


def test_what_contradicts_the_header_is_noted(write):
    text = TEXT.replace("@missing true", "@missing false").replace("@equallength false", "@equallength true")
    notes = read_series(write(text), fill="linear").notes
    assert "the header declares that no value is missing, and 1 are" in notes
    assert "the header declares series of equal length, and they have 3 to 4 values" in notes


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("area numeric", "area real", "line 5: expected a name and a type (string, numeric, date) after"),
        ("attribute area", "attribute region", "line 5: expected an attribute with another name"),
        ("half_hourly", "half", "line 7: expected a frequency such as secondly, minutely, half_hourly"),
        ("half_hourly", "0_days", "line 7: expected a frequency such as"),
        ("@horizon 8", "@horizon 0", "line 8: expected a number of steps after @horizon, got '0'"),
        ("@missing true", "@missing", "line 9: expected true or false after @missing, got ''"),
        ("@frequency", "@freqency", "line 7: expected one of @relation, @attribute, @frequency, "),
        ("@data\n", "", "has no @data line, which a .tsf file needs, above line 11, which does not begin"),
        (TEXT[TEXT.index("@data") :], "", "has no @data line, which a .tsf file needs"),
        (TEXT[TEXT.index("P1") :], "", "has no series after its @data line"),
        (":?:", ":", "line 13: expected series_name, region, area, start_timestamp, values, separated by"),
        (":?:", ":big:", "line 13: expected a number as attribute 'area', got 'big'"),
        ("1.5,?", "1.5,x", "line 13: expected a number or ? as value 2, got 'x'"),
        ("1.5,?", "1.5,inf", "line 13 (value 2), column 'value': expected a number, got 'inf'"),
        ("P2", "P1", "line 12 and line 13 have the same series_name 'P1'"),
        ("2002-01-03 00-30-00", "soon", "line 13: expected a time like 2024-01-31 23-00-00 as start_timest"),
        (
            "2002-01-03 00",
            "9999-12-31 23",
            "line 13: times from 9999-12-31 23:30:00 on extend beyond",
        ),
        ("1.5,?,-3", "?", "series"),
    ],
)
def test_a_mistake_is_found_by_its_line(write, old, new, message):
    assert old in TEXT
    path = write(TEXT.replace(old, new))
    if message == "series":
        assert read_series(path, fill="linear").warnings[-1].endswith("that are left out: 'P2'")
        return
    with pytest.raises(GatewiseError) as caught:
        read_series(path, fill="linear")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_compressed_and_in_another_encoding(write):
    plain = read_series(write(TEXT), fill="linear")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("visitors.tsf", TEXT)
    latin = TEXT.encode("cp1252")
    for content, name, encoding in (
        (gzip.compress(TEXT.encode()), "visitors.tsf.gz", None),
        (buffer.getvalue(), "4656262.zip", None),
        (latin, "visitors.tsf", "cp1252"),
    ):
        found = read_series(write(content, name), Columns(dialect=Dialect(encoding=encoding)), fill="linear")
        assert all(
            np.array_equal(one.target, other.target)
            for one, other in zip(found.series, plain.series, strict=True)
        )
    with pytest.raises(GatewiseError, match=r"line 13 is not in UTF-8 \(byte 0xe9\); give its encoding"):
        read_series(write(latin))
    with pytest.raises(GatewiseError, match="is an archive of series, not a table: leave out --no-header"):
        read_series(write(TEXT), Columns(dialect=Dialect(header=False)))


def test_a_look(write):
    found = gw.look(write(TEXT), fill="linear")
    assert found.problem is None
    assert found.sentences()[0] == "2 series of 3 to 4 rows, with a step of 30 minutes"
    assert found.columns["role"].to_list() == ["id", "", "", "time", "target"]
    with pytest.raises(GatewiseError, match="is an archive of series, which the tasks forecast"):
        read_sequences(write(TEXT), LongColumns(), None)
