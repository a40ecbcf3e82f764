"""Series from tables: nothing is guessed silently, every refusal names its place."""

import re

import numpy as np
import polars as pl
import pytest

from gatewise.data.series import regular
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]


def frame(values=(1, 2, 3, 4, 5), days=DAYS, **more):
    return pl.DataFrame({"day": days, "sold": values, **more}, strict=False)


def test_one_series():
    found = read_series(frame())
    assert found.series[0].target.tolist() == [1, 2, 3, 4, 5]
    assert (found.columns.time, found.columns.target, str(found.step)) == ("day", "sold", "day")
    assert found.notes == ("time is column 'day'", "target is column 'sold'")


def test_a_column_of_texts_is_no_target_beside_numbers():
    found = read_series(frame(shop=["a", "b", "c", "d", "store 1"]))
    assert found.columns.target == "sold"
    assert "not used: 'shop'; --known or --observed adds them" in found.notes


def test_unsorted_rows_are_sorted_with_a_note():
    found = read_series(frame()[::-1])
    assert found.series[0].target.tolist() == [1, 2, 3, 4, 5]
    assert "rows were sorted by time" in found.notes


def test_many_series_in_long_form():
    table = pl.concat([frame(id=["a"] * 5), frame((9, 8, 7, 6, 5), id=["b"] * 5)]).sample(
        fraction=1, shuffle=True, seed=1
    )
    found = {one.id: one.target.tolist() for one in read_series(table).series}
    assert found == {"a": [1, 2, 3, 4, 5], "b": [9, 8, 7, 6, 5]}


def test_known_covariates_may_extend_beyond_the_target():
    table = frame((1, 2, 3, None, None), price=[5, 6, 7, 8, 9], rain=[0, 1, 0, None, None])
    series = read_series(table, Columns(target="sold", known=("price",), observed=("rain",))).series[0]
    assert len(series) == 3
    assert series.known[:, 0].tolist() == [5, 6, 7, 8, 9]
    assert series.observed[:, 0].tolist() == [0, 1, 0]
    assert len(series.times) == 5


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (frame(price=[1] * 5), {}, "the target column could be sold, price; name it with --target"),
        (frame(price=["1.234.567"] * 5), {}, "the target column could be sold, price; name it with --target"),
        (frame(price=["$ 12"] * 5), {}, "the target column could be sold, price; name it with --target"),
        (frame().drop("day"), {}, "the time column is not clear among sold; name it with --time"),
        (frame(again=DAYS), {}, "the time column could be day, again; name it with --time"),
        (frame(), {"target": "x"}, "has no column 'x' for the target; it has day, sold"),
        (frame(), {"known": ("x",)}, "has no column 'x' for the known covariate"),
        (frame(days=[*DAYS[:4], DAYS[1]]), {}, "row 2 and row 5 both have the time 2024-01-02 in series"),
        (frame(days=[*DAYS[:4], "2024-01-09"]), {}, "row 5: 4 missing between 2024-01-04 and 2024-01-09"),
        (frame((1, 2, None, 4, 5)), {}, "row 3, column 'sold' is empty; --fill linear or forward fills it"),
        (frame((1, 2, float("nan"), 4, 5)), {}, "row 3, column 'sold' is empty"),
        (frame(["1", "2", "many", "4", "5"]), {}, "row 3, column 'sold': expected a number, got 'many'"),
        (frame(id=["a", "a", None, "a", "a"]), {}, "row 3, column 'id': the id is missing"),
        (frame(days=[*DAYS[:4], "2024-01-05 07:00"]), {}, "expected a time like"),
        (
            frame(["a", "b", "c", "d", "e"]),
            {},
            "row 1, column 'sold': expected a number, got 'a'; --target COL",
        ),
        (
            frame(shop=[1, 2, 3, 4, 5]),
            {"target": "sold", "id": "shop"},
            "column 'shop' makes 5 series of at most 1 rows",
        ),
        (
            frame(id=[1, 2, 3, 4, 4]),
            {"target": "sold"},
            "column 'id' makes 4 series of at most 2 rows; give the column",
        ),
        (frame(id=[b"\xff"] * 5), {"target": "sold"}, "column 'id': expected text for the id, got Binary"),
        (frame()[:2], {}, "expected at least 3 rows for a series, got 2"),
    ],
)
def test_invalid_tables_are_refused(table, columns, message):
    with pytest.raises(GatewiseError, match=re.escape(message)):
        read_series(table, Columns(**columns))


def test_a_time_that_is_not_on_the_grid():
    hours = [
        "2024-01-01 00:00",
        "2024-01-01 01:00",
        "2024-01-01 02:00",
        "2024-01-01 03:30",
        "2024-01-01 05:00",
    ]
    with pytest.raises(GatewiseError, match=r"row 4: 2024-01-01 03:30:00 .* does not fit a step of one hour"):
        read_series(frame(days=hours), fill="linear")


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        ("linear", [1, 2, 3, 4, 5]),
        ("forward", [1, 2, 2, 2, 5]),
        ("seasonal", [1, 2, 1, 2, 5]),
        ("zero", [1, 2, 0, 0, 5]),
    ],
)
def test_gaps_are_filled_on_request(fill, expected):
    table = frame((1, 2, None, 5), days=[*DAYS[:3], DAYS[4]])
    found = read_series(table, fill=fill, season=2)
    assert found.series[0].target.tolist() == expected
    assert found.series[0].filled.tolist() == [False, False, True, True, False]
    assert any("values that were filled: 2" in note for note in found.notes)
    assert found.series[0].times.to_list() == read_series(frame()).series[0].times.to_list()


@pytest.mark.parametrize("fill", ["linear", "forward", "seasonal", "zero"])
def test_missing_ends_of_a_target_are_cut_off_with_a_note(fill):
    tables = [
        frame((None, 2, 3, 4, None), id=["a"] * 5, rain=[None, 1, 2, 3, None]),
        frame((None, None, 3, 4, 5), id=["b"] * 5, rain=[None, None, 2, 3, 4]),
        frame((None,) * 5, id=["c"] * 5, rain=[1] * 5),
    ]
    found = read_series(pl.concat(tables), Columns(target="sold", observed=("rain",)), fill=fill)
    assert {one.id: one.target.tolist() for one in found.series} == {"a": [2, 3, 4], "b": [3, 4, 5]}
    assert [one.observed[:, 0].tolist() for one in found.series] == [[1, 2, 3], [2, 3, 4]]
    assert [str(one.times[0].date()) for one in found.series] == DAYS[1:3]
    assert found.warnings == (
        "missing values that were cut off: 3 at the beginning and 1 at the end of 'a', 'b'",
        "series without a value that are left out: 'c'",
    )
    assert found.notes[-2:] == found.warnings
    with pytest.raises(GatewiseError, match="the column 'sold' has no value"):
        read_series(tables[2], Columns(target="sold"), fill=fill)


def test_later_rows_of_what_is_known_stay_where_the_end_of_a_target_is_missing():
    table = frame((None, 2, 3, None, None), price=[5, 6, 7, 8, 9])
    found = read_series(table, Columns(target="sold", known=("price",)), fill="forward")
    assert found.series[0].target.tolist() == [2, 3]
    assert found.series[0].known[:, 0].tolist() == [6, 7, 8, 9]
    assert found.warnings == (
        "missing values that were cut off: 1 at the beginning and 0 at the end of 'sold'",
    )


@pytest.mark.parametrize(
    ("values", "fill", "message"),
    [
        (
            (None, 1, 2, 3, 4),
            None,
            "row 1, column 'sold' is empty; --fill linear or forward, in training, cuts off a missing beg",
        ),
        (
            (1, 2, 3, None, None),
            None,
            "row 4, column 'sold' is empty; --fill linear or forward, in training, cuts off a missing end",
        ),
        (
            (1, 2, 3, 4, 5),
            "linear",
            "row 1, column 'rain' is empty; the first value can't be filled, except by --fi",
        ),
    ],
)
def test_missing_ends_that_are_refused(values, fill, message):
    table = frame(values, rain=[None, 1, 2, 3, 4])
    with pytest.raises(GatewiseError, match=message):
        read_series(table, Columns(target="sold", observed=("rain",)), fill=fill)


def test_the_last_value_of_a_covariate_is_filled_without_later_ones():
    table, columns = frame(rain=[3, 1, 2, None, None]), Columns(target="sold", observed=("rain",))
    for fill, expected in (("forward", [2, 2]), ("zero", [0, 0]), ("seasonal", [1, 2])):
        found = read_series(table, columns, fill=fill, season=2)
        assert found.series[0].observed[3:, 0].tolist() == expected
        assert found.notes[-1] == f"missing values that were filled: 2 ({fill})"
    with pytest.raises(
        GatewiseError, match="row 5, column 'rain' is empty; the last value can't be filled, except"
    ):
        read_series(table, columns, fill="linear")


def test_a_season_is_the_usual_one_of_a_step_or_given():
    days = [f"2024-01-{day:02d}" for day in range(1, 11)]
    table = frame((1, 2, 3, 4, 5, 6, 7, None, None, 10), days=days)
    assert read_series(table, fill="seasonal").series[0].target[7:9].tolist() == [1, 2]
    with pytest.raises(
        GatewiseError, match="a step of one unit has no usual season; give its steps with --per"
    ):
        read_series(pl.DataFrame({"t": [1, 2, 3], "y": [1, 2, 3]}), Columns(time="t"), fill="seasonal")


def test_an_unknown_way_to_fill():
    with pytest.raises(
        GatewiseError, match="fill as one of linear, forward, seasonal, zero, mask, got 'cubic'"
    ):
        read_series(frame(), fill="cubic")


def test_real_series(real_data):
    gasoline = read_series(real_data / "series" / "darts_us_gasoline.csv")
    assert (len(gasoline.series[0]), str(gasoline.step)) == (1578, "week")
    assert gasoline.series[0].target[0] == 6621
    with pytest.raises(GatewiseError, match="line 1462: 1 missing between 1984-12-30 and 1985-01-01"):
        read_series(real_data / "series" / "daily-min-temperatures.csv")
    filled = read_series(real_data / "series" / "daily-min-temperatures.csv", fill="linear").series[0]
    assert len(filled) == 3652
    assert np.isfinite(filled.target).all()


def test_series_of_different_steps_are_refused():
    weeks = ["2024-01-01", "2024-01-08", "2024-01-15"]
    table = pl.concat([frame(id=["a"] * 5), frame((1, 2, 3), days=weeks, id=["b"] * 3)])
    with pytest.raises(GatewiseError, match="row 7: 6 missing between 2024-01-01 and 2024-01-08"):
        read_series(table)
    months = [f"2024-0{month}-01" for month in range(1, 6)]
    halves = ["2024-01-01", "2024-01-15", "2024-02-01"]
    table = pl.concat([frame(days=months, id=["a"] * 5), frame((1, 2, 3), days=halves, id=["b"] * 3)])
    with pytest.raises(GatewiseError, match=r"row 7: 2024-01-15 .* does not fit a step of one month"):
        read_series(table, fill="linear")


def test_a_column_with_two_roles_is_refused():
    for roles in (
        {"known": ("sold",)},
        {"known": ("price", "price")},
        {"id": "price", "observed": ("price",)},
    ):
        with pytest.raises(GatewiseError, match="was given two roles; give it one"):
            read_series(frame(price=[1] * 5), Columns(target="sold", **roles))


def test_row_numbers_named_id_are_not_ids():
    found = read_series(frame(id=[1, 2, 3, 4, 5]), Columns(target="sold"))
    assert len(found.series) == 1
    assert found.columns.id is None


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["01:00", "02:00", "02:00", "03:00"], "row 2 and row 3 both have the time 2024-10-27 02:00:00"),
        (["00:00", "01:00", "03:00", "04:00"], "row 3: 1 missing between 2024-10-27 01:00:00 and"),
    ],
)
def test_a_change_of_daylight_saving_time_is_named(times, message):
    table = pl.DataFrame({"t": [f"2024-10-27 {time}" for time in times], "sold": [1, 2, 3, 4]})
    remedy = "if daylight saving time begins or ends here, give all times with their offset, such as"
    with pytest.raises(GatewiseError, match=f"{message}.*; {remedy}"):
        read_series(table)
    other = table.with_columns(pl.col("t").str.replace("10-27", "10-28"))
    with pytest.raises(GatewiseError) as refusal:
        read_series(other)
    assert "daylight" not in str(refusal.value)


@pytest.mark.parametrize("name", ["time", "Step", "frame"])
def test_a_time_column_of_numbers_is_recognized_by_its_name(name):
    table = pl.DataFrame({name: [1, 2, 3, 4], "sold": [1.0, 2.0, 3.0, 4.0]})
    assert read_series(table).columns.time == name


def test_linear_filling_notes_that_it_uses_later_values():
    table = frame((1, 2, None, 4, 5))
    assert any("uses the value after a gap" in note for note in read_series(table, fill="linear").notes)
    changed = frame((1, 2, None, 400, 5))
    before, after = (read_series(one, fill="forward").series[0].target for one in (table, changed))
    assert before[:3].tolist() == after[:3].tolist() == [1, 2, 2]


def test_a_column_named_as_a_time_is_preferred_to_numbers_that_could_be_months():
    table = pl.DataFrame({"hour": [0, 1, 2, 3], "load": ["190001", "190002", "190003", "190004"]})
    assert (read_series(table).columns.time, read_series(table).columns.target) == ("hour", "load")
    days = pl.DataFrame({"tag": ["20240101", "20240102", "20240103"], "load": ["22001", "22002", "22003"]})
    assert (read_series(days).columns.time, str(read_series(days).step)) == ("tag", "day")
    with pytest.raises(GatewiseError, match="the time column is not clear among a, b; name it with --time"):
        read_series(pl.DataFrame({"a": ["22001", "22002", "22003"], "b": [1, 2, 3]}))


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_row_numbers_are_not_a_target(name):
    table = frame().insert_column(0, pl.Series(name, range(5)))
    assert read_series(table).columns.target == "sold"
    assert read_series(table).notes[-1] == f"not used: {name!r}; --known or --observed adds them"


@pytest.mark.parametrize("fill", [None, "linear"])
@pytest.mark.parametrize(
    ("times", "row"),
    [
        ([1_700_000_000, 1_700_000_001, 1_700_000_002, 5_700_000_003_000], 4),
        ([0, 1, 2, 10_000_000_000], 4),
        ([-(10**18), 0, 1, 2], 2),
        (["2024-01-01 00:00:00", "2024-01-01 00:00:01", "2024-01-01 00:00:02", "9999-12-31 00:00:00"], 4),
        (["1000-01-01 00:00", "2024-01-01 00:01", "2024-01-01 00:02", "2024-01-01 00:03"], 2),
    ],
)
def test_an_absurd_gap_is_refused_before_memory_is_allocated(times, row, fill):
    table = pl.DataFrame({"t": times, "sold": [1, 2, 3, 4]})
    with pytest.raises(GatewiseError, match=rf"row {row}: \d+ missing between .*; too many to fill"):
        read_series(table, fill=fill)


def test_a_wide_gap_that_is_filled_is_noted():
    day = pl.Series(["1900-01-01", "2020-01-01", "2020-01-02", "2020-01-03"])
    found = read_series(pl.DataFrame({"day": day, "sold": [1, 2, 3, 4]}), fill="linear")
    assert found.notes[-1] == "most steps of series 'sold' are one gap of 43,828 before row 2: check its time"
    found = read_series(pl.DataFrame({"t": [0, 1, 2, 5, 6], "sold": range(5)}), fill="linear")
    assert found.notes[-1].startswith("missing values that were filled: 2 ")


def test_absurd_gaps_of_many_series_are_refused(monkeypatch):
    monkeypatch.setattr(regular, "MANY_STEPS", 50_000)
    table = pl.DataFrame({"id": ["a"] * 4 + ["b"] * 4, "t": [0, 1, 2, 40_000] * 2, "sold": range(8)})
    with pytest.raises(GatewiseError, match="its 8 rows make more than 80,002 steps, too many to fill"):
        read_series(table, fill="linear")


def test_times_that_repeat_may_be_counted():
    table = pl.DataFrame({"hour": [*range(24)] * 2, "load": range(48)})
    with pytest.raises(GatewiseError, match=r"--time; --time none counts rows that are one step apart$"):
        read_series(table)
    two = table.with_columns(day=pl.Series([1] * 24 + [2] * 24))
    with pytest.raises(GatewiseError, match=r"be hour, day; .*, or --time none for rows one step apart"):
        read_series(two)
    shops = table.with_columns(shop=pl.Series(["a"] * 24 + ["b"] * 24))
    with pytest.raises(GatewiseError) as several:
        read_series(shops)
    assert "--id" in str(several.value)
    assert "--time none" not in str(several.value)


def test_negative_times_and_times_before_1970():
    table = pl.DataFrame({"t": [-2, -4, 0], "sold": [2, 1, 3]})
    assert read_series(table).series[0].target.tolist() == [1, 2, 3]
    assert len(read_series(frame(days=[f"18{year}-01-01" for year in range(20, 25)])).series[0]) == 5


def test_decimal_commas_are_noted(tmp_path):
    path = tmp_path / "werte.csv"
    path.write_text("Datum;Wert;Preis\n31.12.2023;1,5;7\n01.01.2024;-2;8,25\n02.01.2024;1,005;9\n")
    found = read_series(path, Columns(target="Wert", observed=("Preis",)))
    assert found.series[0].target.tolist() == [1.5, -2, 1.005]
    assert "decimals are written with a comma: 'Wert', 'Preis'" in found.notes
