"""The report in a browser: what one reads is what `trace` gives, and nothing is asked of anyone."""

import re
import shutil

import pytest
import torch

import gatewise
from gatewise.cells.catalogue import find_cell
from gatewise.report import inspect, write_page
from gatewise.report.page import contents
from tests.report.reports import NASTY, STEPS, UNITS, lattices, looking, sequences

MINUS = "\u2212"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def found():
    return sequences()


@pytest.fixture(scope="module")
def opened(browser, found, tmp_path_factory):
    """The page of two layers, with all messages and requests while it was used."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_page(found, path, step=4)
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(8000)
    page.heard = []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("request", lambda request: page.heard.append(request.url))
    page.goto(path.as_uri())
    page.heard.remove(path.as_uri())
    yield page
    page.close()


@pytest.fixture
def page(opened):
    """The page as it was when it was opened."""
    opened.reload()
    opened.heard.clear()
    opened.set_viewport_size({"width": 1200, "height": 900})
    return opened


def text(page, selector):
    return page.locator(selector).inner_text().replace(MINUS, "-").strip()


def true_value(found, name, step, unit, layer=0):
    trace = found.layers[layer]
    return {**trace.values, **trace.states}[name][0, step, unit].item()


def point(page, name, step, row, steps=STEPS + 2):
    """Moves the pointer to a step and a row of a heat map."""
    plot = page.locator(f".plot[data-name='{name}']")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(
        box["x"] + (step + 0.5) / steps * box["width"], box["y"] + (row + 0.5) / UNITS * box["height"]
    )


def where(page):
    """The unit and step that the panel shows."""
    output = text(page, "#where").replace(",", "").split()
    return int(output[1]), int(output[3])


def by_life(found):
    """The units in the order in which they are drawn at first."""
    return contents(found)["layers"][0]["orders"]["half-life"]


def require_values(page, found, layer=0):
    """That all values shown are those of the trace, to the digits shown. Gives unit and step."""
    unit, step = where(page)
    for name in "ifgcoh":
        shown = text(page, f"#equations output[data-name='{name}']")
        digits = len(shown.partition(".")[2])
        assert digits >= 3
        assert float(shown) == pytest.approx(
            true_value(found, name, step, unit, layer), abs=0.51 * 10**-digits
        )
    return unit, step


def test_it_opens_without_errors_or_requests_and_runs_no_text_of_a_user(page, found):
    assert page.evaluate("window.broken") is None
    assert "<img src=x" in text(page, "#title")
    assert page.locator("img").count() == 0
    assert require_values(page, found)[1] == 4
    page.locator("#layer").select_option("1")
    page.locator("#theme").click()
    page.wait_for_timeout(50)
    assert page.heard == []


def test_hovering_shows_the_values_of_the_trace(page, found):
    order = by_life(found)
    for name, step, row in (("f", 0, 0), ("c", 7, 2), ("h", STEPS - 1, UNITS - 1)):
        point(page, name, step, row)
        assert require_values(page, found) == (order[row], step)
    page.locator("#layer").select_option("1")
    point(page, "g", 3, 1)
    assert require_values(page, found, layer=1)[1] == 3
    point(page, "g", STEPS + 1, 1)  # beyond the layer's end there is only the output
    assert text(page, "#equations output[data-name='h']") == "\u2013"
    assert text(page, ".key:nth-child(3)").endswith("0.5")


def test_the_equations_hold_their_numbers(page, found):
    point(page, "c", 5, 1)
    unit, step = where(page)
    i, f, g, c = (round(true_value(found, name, step, unit), 4) for name in "ifgc")
    before = round(true_value(found, "c", step - 1, unit), 4)
    places = page.locator(".equation", has=page.locator("output[data-name='c']")).locator(".numbers mn")
    numbers = [float(one.replace(MINUS, "-").strip("()")) for one in places.all_text_contents()]
    assert numbers == pytest.approx([f, before, i, g], abs=1e-9)
    assert f * before + i * g == pytest.approx(c, abs=2e-4)


def test_units_are_sorted(page, found):
    def drawn():
        units = []
        for row in range(UNITS):
            point(page, "h", 2, row)
            units.append(require_values(page, found)[0])
        return units

    pixels = "document.querySelector(\".plot[data-name='h'] canvas\").toDataURL()"
    before = page.evaluate(pixels)
    assert drawn() == by_life(found) != list(range(UNITS))
    page.locator("#order").select_option("number")
    assert drawn() == list(range(UNITS))
    assert page.evaluate(pixels) != before
    column = page.locator("#table td:nth-child(3)")
    page.locator("#table th button").nth(2).click()
    means = [float(one) for one in column.all_inner_texts()]
    assert means == sorted(means, reverse=True)
    page.locator("#table th button").nth(2).click()
    assert [float(one) for one in column.all_inner_texts()] == sorted(means)
    assert page.locator("th[aria-sort='ascending']").inner_text() == "i"
    page.locator("#table tbody tr").nth(2).click()
    assert str(where(page)[0]) == page.locator("#table tbody tr").nth(2).locator("td").first.inner_text()


def test_keys(page, found):
    order = by_life(found)
    page.locator("#over-time").focus()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("ArrowRight")
    assert where(page) == (order[0], 5)
    assert page.evaluate("document.activeElement.matches(':focus-visible')") or outline != "none"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert require_values(page, found) == (order[2], 5)
    assert "c " in text(page, "#live")
    keys = {
        "Home": (order[2], 0), "ArrowLeft": (order[2], 0), "End": (order[2], STEPS - 1),
        "PageUp": (order[2], STEPS - 11), "ArrowUp": (order[1], STEPS - 11),
    }  # fmt: skip
    for key, expected in keys.items():
        page.keyboard.press(key)
        assert where(page) == expected
    page.keyboard.press("Enter")
    assert page.locator(".chip").count() == 1
    page.keyboard.press("ArrowUp")
    assert page.locator(".chip").count() == 2
    page.locator("button.chip").click()
    assert page.locator("button.chip").count() == 0


def test_a_click_holds_what_one_looks_at(page):
    point(page, "f", 2, 3)
    page.mouse.down()
    page.mouse.up()
    held = where(page)
    point(page, "h", 6, 0)
    assert where(page) == held
    page.get_by_role("button", name="Pinned: click to unpin").click()
    point(page, "h", 6, 0)
    assert where(page)[1] == 6


def test_light_dark_and_paper(page):
    colour = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(colour) == "rgb(251, 250, 246)"
    page.emulate_media(color_scheme="dark")
    page.locator("html[data-theme='dark']").wait_for()
    assert page.evaluate(colour) == "rgb(15, 17, 20)"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="print")
    assert not page.locator(".controls").is_visible()
    assert not page.locator("#theme").is_visible()
    page.emulate_media(media="screen", color_scheme="light")


def test_a_narrow_window_has_no_horizontal_scrollbar(page):
    page.set_viewport_size({"width": 380, "height": 800})
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_the_gradient_of_each_state_is_drawn_and_named(page):
    assert page.locator("#flow path[fill=none]").count() == 4
    assert page.locator("#sentences li").count() == 4
    assert "layer 1, c (LSTM): the gradient" in text(page, "#sentences")


def test_lattices_are_images(browser, tmp_path):
    found, path = lattices(), tmp_path / "report.html"
    write_page(found, path, layer=1, step=9)
    page, heard = browser.new_page(viewport={"width": 1200, "height": 900}), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(path.as_uri())
    assert text(page, "#where").endswith("position 2, 1")
    # The image, what it came from, i f_1 f_2 g c o h, every unit.
    assert page.locator(".card .plot").count() == 2 + 7 + 1
    gave = float(text(page, ".card:nth-child(2) .value"))
    assert gave == pytest.approx(found.example.tracks[1].strip.values[1, 2], abs=1e-3)
    point_at = page.locator(".plot[data-name='f_1']").bounding_box()
    page.mouse.move(point_at["x"] + 2.5 / 4 * point_at["width"], point_at["y"] + 3.5 / 6 * point_at["height"])
    unit = int(text(page, "#where").split(",")[0].split()[1])
    true = found.layers[1].states["c"][0, 3, 2, unit].item()
    shown = text(page, "output[data-name='c']")
    digits = 0.51 * 10 ** -len(shown.partition(".")[2])
    assert float(shown) == pytest.approx(true, abs=digits)
    before = [
        found.layers[1].states["c"][0, 2, 2, unit].item(),
        found.layers[1].states["c"][0, 3, 3, unit].item(),
    ]
    places = page.locator(".equation", has=page.locator("output[data-name='c']")).locator("mn[data-before]")
    assert [
        float(one.replace(MINUS, "-").strip("()")) for one in places.all_text_contents()
    ] == pytest.approx(before, abs=digits)
    page.locator("#over-time").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert text(page, "#where").endswith("position 4, 3")
    assert heard == []
    page.close()


@pytest.mark.parametrize(
    ("over_image", "colours"), [(False, "light"), (True, "dark")], ids=["by name", "over an image"]
)
def test_attention_over_the_input(browser, tmp_path, over_image, colours):
    found, path = looking(over_image), tmp_path / "report.html"
    weights = found.example.attention.weights
    write_page(found, path, layer=1)
    page, heard = browser.new_page(viewport={"width": 1000, "height": 700}, color_scheme=colours), []
    page.set_default_timeout(8000)
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(path.as_uri())
    assert heard == [path.as_uri()]
    rows, columns = weights.shape
    plot = page.locator("#attention-plot .plot").nth(1 if over_image else 0)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    if over_image:  # the second output symbol; in the second of three rows of places the third of four
        share, row, column = (2.5 / 4, 1.5 / 3), 1, 6
    else:
        share, row, column = (4.5 / columns, 1.5 / rows), 1, 4
    page.mouse.move(box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"])

    def output():
        found = re.fullmatch(
            r"For “(.*)” \(step (\d)\) the weight of (.*) is ([\d.]+)\. Largest: .*", text(page, "#weight")
        )
        return found[1], int(found[2]), found[3], float(found[4])

    place = "row 1, column 2" if over_image else "“e”"
    assert output() == ("two", row, place, pytest.approx(weights[row, column], abs=1e-4))
    assert text(page, "#where").endswith(f"step {row}")  # the layer on show runs along the values
    page.locator("#attention").focus()
    page.keyboard.press("]" if over_image else "ArrowDown")
    page.keyboard.press("ArrowRight")
    assert output()[:2] == (NASTY, row + 1)
    assert output()[3] == pytest.approx(weights[row + 1, column + 1], abs=1e-4)
    assert text(page, "#live") == text(page, "#weight")
    most = re.search(r"Largest: .*? ([\d.]+);", text(page, "#weight"))[1]
    assert float(most) == pytest.approx(weights[row + 1].max(), abs=1e-4)
    page.locator("#over-time").focus()
    page.keyboard.press("Home")
    assert output()[1] == 0
    page.locator("#theme").click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.set_viewport_size({"width": 380, "height": 700})
    page.wait_for_timeout(100)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    assert page.evaluate("window.broken") is None
    assert heard == [path.as_uri()]
    page.close()


def test_colours_over_time_are_described_at_the_step(browser, tmp_path):
    found, path = looking(), tmp_path / "report.html"
    write_page(found, path, layer=0, step=2)
    page, heard = browser.new_page(viewport={"width": 1000, "height": 700}), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(path.as_uri())
    read, came, looked, _ = found.example.tracks

    def output():
        return [
            one.replace(MINUS, "-").split()
            for one in page.locator(".label:has(.scale)").all_inner_texts()[:3]
        ]

    symbols, parts, weights = output()
    assert symbols[1] == "c" or symbols[0] == "c"
    assert float(symbols[symbols.index("c") + 1]) == pytest.approx(read.strip.values[0, 2], abs=1e-3)
    assert float(parts[parts.index("first") + 1]) == pytest.approx(came.strip.values[0, 2], abs=1e-3)
    assert float(weights[1]) == pytest.approx(looked.strip.values[0, 2], abs=1e-3)
    page.locator("#over-time").focus()
    page.keyboard.press("End")
    assert "\u2013" in output()[1]  # the second row has no number there
    assert text(page, "#attribution").startswith("Attribution: the logit: 1.5, and 0.5 where all is nothing")
    assert heard == []
    page.close()


def odd(name):
    """Reports of what is seldom: one step and unit, no gate, NaN, cut ones, three axes, many calls."""
    torch.manual_seed(1)
    if name == "least":
        return sequences(gatewise.RNN, steps=1, units=1)
    if name == "cut":
        return sequences(gatewise.GRU, steps=1200, units=160, with_loss=False)
    if name == "three axes":
        layer, x = gatewise.Lattice(find_cell("mdgru3"), 1, 2, directions="all"), torch.rand(1, 2, 3, 4, 1)
    elif name == "grid":
        layer, x = gatewise.GridLSTM(2, 3, depth=2), torch.rand(1, 9, 2)
    elif name == "projected":
        layer, x = gatewise.LSTM(2, 4, proj_size=2), torch.rand(5, 1, 2)
    else:
        layer, x = gatewise.Recurrent(find_cell(name), 2, 4, bidirectional=True), torch.rand(5, 1, 2)
    if name == "lstm":
        x[2] = torch.nan
    with gatewise.backend("reference"):
        return inspect(layer, lambda: layer(x), lambda: layer(x)[0][-1].sum())


@pytest.mark.parametrize(
    "name", ["least", "cut", "three axes", "grid", "projected", "relurnn", "fullgaterecurrence", "lstm"]
)
def test_what_is_seldom_is_shown_without_errors(browser, tmp_path, name):
    found, path = odd(name), tmp_path / "report.html"
    write_page(found, path)
    page, heard = browser.new_page(viewport={"width": 1000, "height": 700}), []
    page.set_default_timeout(8000)
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(path.as_uri())
    page.locator("#over-time").focus()
    for key in ("ArrowLeft", "ArrowDown", "]", "Enter", "Home", "End", "PageUp"):
        page.keyboard.press(key)
    for number in range(len(found.layers)):
        page.locator("#layer").select_option(str(number))
        for order in page.locator("#order option").all_inner_texts():
            page.locator("#order").select_option(order)
    page.locator("#theme").click()
    assert "undefined" not in page.locator("body").inner_text()
    assert "NaN" not in page.locator("body").inner_text()
    assert page.locator("#cut").is_visible() == (name == "cut")
    assert heard == []
    page.close()
