"""The forms of the tables that courses and competitions use: each is read with at most two options.

The tables are made here. What a form needs is named by its first refusal.
"""

from datetime import datetime, timedelta

import numpy as np
import pytest

from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.data.tables.dialect import Dialect
from gatewise.errors import GatewiseError

STEPS = 30
NUMBERS = np.random.default_rng(0).uniform(1, 9, [STEPS, 8]).round(2)
HOURS = [datetime(2010, 1, 31, 9) + timedelta(hours=step) for step in range(STEPS)]


def csv(header, *columns, separator=","):
    """A table with a header, if it has names, and a cell of each column in each row."""
    rows = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


def times(form, hours=1):
    """Times some hours apart."""
    return [(HOURS[0] + timedelta(hours=hours * step)).strftime(form) for step in range(STEPS)]


def months(form="{year}-{month:02d}", first=1949):
    return [form.format(year=first + step // 12, month=step % 12 + 1) for step in range(STEPS)]


def column(place=0, missing=()):
    return ["NA" if step in missing else number for step, number in enumerate(NUMBERS[:, place])]


def commas(place):
    return [str(number).replace(".", ",") for number in NUMBERS[:, place]]


def wide_rows(names, ids, lengths):
    """A row for each id, whose last cells are empty."""
    rows = [
        ",".join([*key, *(str(NUMBERS[step, place]) if step < length else "" for step in range(len(names)))])
        for place, (key, length) in enumerate(zip(ids, lengths, strict=True))
    ]
    return "\n".join(rows) + "\n"


QUARTERS = [f"{1965 + step // 4}Q{step % 4 + 1}" for step in range(STEPS)]
TRIPS = [f"{1998 + step // 4} Q{step % 4 + 1}" for step in range(12)]
MIDNIGHTS = [time.removesuffix(" 00:00") for time in times("%Y-%m-%d %H:%M")]
CALENDAR = [[getattr(hour, field) for hour in HOURS] for field in ("year", "month", "day", "hour")]
MILLISECONDS = [1_577_836_800_000 + 3_600_000 * step for step in range(STEPS)]
BUSINESS_DAYS = [f"2010-02-{day:02d}" for week in range(4) for day in range(7 * week + 1, 7 * week + 6)]
SHOPS = [shop for _ in range(15) for shop in ("a", "b")]
DAYS = [f"2013-01-{step // 2 + 1:02d}" for step in range(STEPS)]

FORMS = {  # the table, the options, the number of series, the first time, and the step
    "monthly passengers": (csv("Month,Passengers", months(), column()), {}, 1, "1949-01-01", "month"),
    "monthly sales of a study": (
        csv(
            '"Month","Sales"', [f'"{step // 12 + 1}-{step % 12 + 1:02d}"' for step in range(STEPS)], column()
        ),
        {},
        1,
        None,
        "month",
    ),
    "daily births, quoted": (
        csv('"Date","Births"', [f'"{day}"' for day in times("%Y-%m-%d", 24)], column()),
        {},
        1,
        "2010-01-31",
        "day",
    ),
    "hourly pollution": (
        csv("No,year,month,day,hour,pm2.5,TEMP", range(1, 31), *CALENDAR, column(0, (0, 7)), column(1)),
        {"target": "pm2.5", "fill": "linear"},
        1,
        "2010-01-31 10:00:00",
        "hour",
    ),
    "daily temperatures with a question mark": (
        csv("Date,Temp", times("%Y-%m-%d", 24), ["?" if step == 4 else 1.5 + step for step in range(STEPS)]),
        {"fill": "linear"},
        1,
        "2010-01-31",
        "day",
    ),
    "a heart rate without times": (csv("HR", column()), {"time": "none"}, 1, "0", "unit"),
    "whole numbers without a header": (
        csv("", range(100, 100 + STEPS)),
        {"header": False, "time": "none"},
        1,
        "0",
        "unit",
    ),
    "days and numbers without a header": (
        csv("", times("%Y-%m-%d", 24), column()),
        {},
        1,
        "2010-01-31",
        "day",
    ),
    "wide exchange rates": (
        csv("Date,AUD,GBP,CHF,JPY", times("%Y-%m-%d", 24), *map(column, range(4))),
        {"wide": "columns"},
        4,
        "2010-01-31",
        "day",
    ),
    "wide rates without header and times": (
        csv("", *map(column, range(8))),
        {"wide": "columns", "time": "none"},
        8,
        "0",
        "unit",
    ),
    "wide electricity with decimal commas": (
        csv(
            '"";"MT_001";"MT_002"',
            [f'"{time}"' for time in times("%Y-%m-%d %H:%M:%S")],
            commas(0),
            commas(1),
            separator=";",
        ),
        {"wide": "columns"},
        2,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "a transformer with several columns": (
        csv("date,HUFL,HULL,OT", times("%Y-%m-%d %H:%M:%S"), *map(column, range(3))),
        {"target": "OT"},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "household power": (
        csv(
            "Date;Time;Global_active_power;Voltage",
            times("%d/%m/%Y"),
            times("%H:%M:%S"),
            column(0, (3,)),
            column(1, (3,)),
            separator=";",
        ),
        {"target": "Voltage", "fill": "forward"},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "the air of a town, with clocks with points": (
        csv(
            "Date;Time;CO(GT);T;;",
            times("%d/%m/%Y"),
            times("%H.%M.%S"),
            commas(0),
            ["-200" if step == 3 else number for step, number in enumerate(commas(1))],
            [""] * STEPS,
            [""] * STEPS,
            separator=";",
        ),
        {"target": "T"},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "rentals of bicycles by day and hour": (
        csv(
            "instant,dteday,hr,temp,cnt",
            range(1, STEPS + 1),
            times("%Y-%m-%d"),
            CALENDAR[3],
            column(0),
            column(1),
        ),
        {"target": "cnt"},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "prices of a stock on business days": (
        csv("Date,Open,Close", BUSINESS_DAYS, column(0)[:20], column(1)[:20]),
        {"target": "Close", "fill": "forward"},
        1,
        "2010-02-01",
        "day",
    ),
    "years and quarters": (
        csv(
            "Year,Quarter,Beer",
            [1956 + step // 4 for step in range(STEPS)],
            [step % 4 + 1 for step in range(STEPS)],
            column(),
        ),
        {},
        1,
        "1956-01-01",
        "quarter",
    ),
    "the climate of a town": (
        csv('"Date Time","p (mbar)","T (degC)"', times("%d.%m.%Y %H:%M:%S"), column(0), column(1)),
        {"target": "T (degC)"},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "quarterly wool": (csv("Quarter,Wool", QUARTERS, column()), {}, 1, "1965-01-01", "quarter"),
    "half-hourly taxis": (
        csv("timestamp,value", times("%Y-%m-%d %H:%M:%S", 0.5), column()),
        {},
        1,
        "2010-01-31 09:00:00",
        "30 minutes",
    ),
    "weekly influenza": (
        csv("week,ILI", [f"2014-W{step + 7:02d}" for step in range(STEPS)], column()),
        {},
        1,
        "2014-02-10",
        "week",
    ),
    "semicolons and decimal commas": (
        csv("Datum;Wert", times("%d.%m.%Y", 24), commas(0), separator=";"),
        {},
        1,
        "2010-01-31",
        "day",
    ),
    "a header in another encoding": (
        csv("Datum;Größe", times("%d.%m.%Y", 24), commas(0), separator=";").encode("latin-1"),
        {"encoding": "latin-1"},
        1,
        "2010-01-31",
        "day",
    ),
    "Unicode text of a spreadsheet": (
        csv("Datum\tGröße", times("%d.%m.%Y", 24), column(), separator="\t").encode("utf-16"),
        {},
        1,
        "2010-01-31",
        "day",
    ),
    "midnights without a clock": (
        csv("time,load", MIDNIGHTS, column()),
        {},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "clocks with AM and PM": (
        csv("Time,Load", times("%m/%d/%Y %I:%M %p"), column()),
        {},
        1,
        "2010-01-31 09:00:00",
        "hour",
    ),
    "Unix milliseconds": (csv("timestamp,value", MILLISECONDS, column()), {}, 1, "2020-01-01", "hour"),
    "months by name": (
        csv(
            "Month,Beer",
            [datetime(1956 + step // 12, step % 12 + 1, 1).strftime("%b-%Y") for step in range(30)],
            column(),
        ),
        {},
        1,
        "1956-01-01",
        "month",
    ),
    "dates of digits": (csv("DATE,VALUE", times("%Y%m%d", 24), column()), {}, 1, "2010-01-31", "day"),
    "years": (csv("year,lynx", range(1821, 1821 + STEPS), column()), {}, 1, "1821", "unit"),
    "many series in long form": (csv("unique_id,ds,y", SHOPS, DAYS, column()), {}, 2, "2013-01-01", "day"),
    "sales of items in stores": (
        csv("date,store,item,sales", DAYS, [1] * STEPS, SHOPS, column()),
        {"target": "sales", "id": "store,item"},
        2,
        "2013-01-01",
        "day",
    ),
    "rows numbered as in a competition": (
        ",".join(f'"V{step + 1}"' for step in range(21))
        + "\n"
        + wide_rows(range(20), [["Y1"], ["Y2"], ["Y3"]], [20, 14, 13]),
        {},
        3,
        "0",
        "unit",
    ),
    "wide tourism with a row for each region and purpose": (
        ",".join(["Region", "Purpose", *TRIPS])
        + "\n"
        + wide_rows(TRIPS, [["A", "work"], ["A", "other"], ["B", "work"]], [12, 12, 12]),
        {"id": "Region,Purpose"},
        3,
        "1998-01-01",
        "quarter",
    ),
    "countries by year": (
        ",".join(["Country Name", "Country Code", *map(str, range(1960, 1980))])
        + "\n"
        + wide_rows(range(20), [["France", "FRA"], ["Spain", "ESP"]], [20, 18]),
        {},
        2,
        "1960",
        "unit",
    ),
    "visits of pages by day": (
        ",".join(["Page", *times("%Y-%m-%d", 24)])
        + "\n"
        + wide_rows(range(30), [["a.org"], ["b.org"]], [30, 30]),
        {},
        2,
        "2010-01-31",
        "day",
    ),
}
DIALECT = ("header", "missing", "encoding")


def read(path, options):
    dialect = Dialect(**{name: value for name, value in options.items() if name in DIALECT})
    roles = {name: value for name, value in options.items() if name not in (*DIALECT, "fill")}
    return read_series(path, Columns(**roles, dialect=dialect), fill=options.get("fill"))


def flag(name, value):
    """The words of a refusal that name an option."""
    if name in ("target", "id", "fill"):
        return f"--{name}"
    return "--no-header" if name == "header" else f"--{name} {value}"


@pytest.mark.parametrize("name", FORMS)
def test_form(name, tmp_path):
    text, options, count, first, step = FORMS[name]
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert len(options) <= 2
    if options:
        with pytest.raises(GatewiseError) as refusal:
            read(path, {})
        assert [flag(*one) for one in options.items() if flag(*one) not in str(refusal.value)] == []
    found = read(path, options)
    assert (len(found.series), str(found.step)) == (count, step)
    if first is not None:
        assert str(found.series[0].times[0]).removesuffix(" 00:00:00") == first


def test_there_are_many_forms():
    assert len(FORMS) >= 20
