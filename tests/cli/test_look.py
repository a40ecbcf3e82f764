"""`gatewise look`: what is printed and drawn, and what is refused."""

import io
import sys

import pytest

import gatewise as gw
from gatewise.errors import GatewiseError

RATES = "date,aud,gbp\n" + "".join(f"2024-01-{day:02d},{day}.5,{9 - day}\n" for day in range(1, 9))


def test_look(gatewise, tmp_path):
    (tmp_path / "rates.csv").write_text(RATES)
    ended = gatewise("look", "rates.csv", "--wide", "columns", "--out", "rates.png")
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == "rates.csv: 8 rows, 3 columns"
    assert "2 series of 8 rows, with a step of one day" in lines
    assert "forecast reads this table" in lines
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")


def test_options_may_be_given_several_times(gatewise, tmp_path):
    rows = [f"{day},{shop},{city},{day}" for shop, city in ("ax", "bx", "cz") for day in range(4)]
    (tmp_path / "shops.csv").write_text("day,shop,city,sold\n" + "\n".join(rows))
    given = ("--hierarchy", "city", "--hierarchy", "shop", "--static", "city", "--static", "shop")
    ended = gatewise("look", "shops.csv", "--target", "sold", *given)
    assert ended.returncode == 0, ended.stderr
    assert "the sums of the hierarchy city/shop are series, too: 3 beside 3 of the table" in ended.stdout
    assert "static columns: 2 categories of 'city', 3 categories of 'shop'" in ended.stdout
    three = gatewise("look", "shops.csv", "--target", "sold", "--hierarchy", "city/shop", "--hierarchy", "x")
    assert "shops.csv has no column 'x' for the hierarchy; it has" in three.stdout
    twice = gatewise("look", "shops.csv", "--wide", "columns", "--wide", "rows")
    assert twice.returncode == 2
    assert "--wide is given 2 times: columns, rows; give it once" in twice.stderr


def test_what_a_forecast_refuses(gatewise, tmp_path):
    (tmp_path / "rates.csv").write_text(RATES)
    ended = gatewise("look", "rates.csv")
    assert ended.returncode == 0
    assert "forecast refuses this table: rates.csv: the target column could be aud, gbp" in ended.stdout
    ended = gatewise("look", "rates.csv", "--out", "rates.png")
    assert ended.returncode == 2
    assert "there is no series to draw: rates.csv: the target column could be" in ended.stderr
    assert not (tmp_path / "rates.png").exists()


def test_many_columns_are_shortened(gatewise, tmp_path):
    names = [f"c{number}" for number in range(15)]
    (tmp_path / "wide.csv").write_text(",".join(["t", *names]) + "\n" + "\n".join(["1,2" + ",3" * 14] * 3))
    assert "and 4 more columns" in gatewise("look", "wide.csv").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "there is no file 'none.csv'"),
        (["rates.csv", "--out", "rates.csv"], "expected --out as a .png file, got 'rates.csv'"),
        (["rates.csv", "--wide", "both"], "option wide: input should be 'columns' or 'rows', got 'both'"),
        (["rates.csv", "--horizon", "3"], "No such option: --horizon"),
        (["-"], "standard input is empty"),
    ],
)
def test_refusals(gatewise, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "rates.csv").write_text(RATES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    ended = gatewise("look", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr


def test_look_in_python(monkeypatch):
    pandas = pytest.importorskip("pandas")
    found = gw.look(pandas.read_csv(io.StringIO(RATES)), target="aud")
    assert (found.rows, found.problem, str(found.step)) == (8, None, "day")
    assert "rows" in found._repr_html_()
    assert len(found.plot().axes) == 1
    with pytest.raises(GatewiseError, match="there is no option 'horizon'; the options are header"):
        gw.look(RATES, horizon=3)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RATES.encode())))
    assert gw.look("-", target="gbp").problem is None
