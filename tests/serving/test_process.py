"""The server as a process of its own: its page in a browser, and its end in the middle of many streams."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.serving.conftest import served
from tests.shipping.stepping import months, walks

httpx = pytest.importorskip("httpx")
STEPS, LIMIT = 5, 60


@pytest.fixture
def process(folders, tmp_path):
    state = tmp_path / "streams"
    command = [sys.executable, "-m", "gatewise", "serve", *map(str, folders), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [*command, "--state", str(state)], stdout=subprocess.PIPE, text=True, env=environment
    )
    line = child.stdout.readline()
    assert line.startswith("serving sales, gestures, text, both at http://127.0.0.1:"), line
    yield SimpleNamespace(child=child, url=line.split()[-1], state=str(state))
    child.kill()
    child.wait(LIMIT)


@pytest.mark.thorough
def test_the_page_predicts_streams_and_generates(process):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine")
    rows = httpx.get(process.url + "/models").json()
    assert [row["name"] for row in rows] == ["sales", "gestures", "text", "both"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1000, "height": 1100})
        page.set_default_timeout(15_000)
        heard = []
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url))
        page.goto(process.url)
        page.wait_for_selector("#model option", state="attached")
        assert '"store": "a"' in page.input_value("#rows")
        page.fill("#rows", '{"rows": [{"store": "a", "month": "x", "sales": 1}]}')
        page.click("#predict")
        page.wait_for_selector("#predicted .error")
        page.select_option("#kind", "text/csv")
        page.fill("#rows", months().write_csv(separator=";"))
        page.click("#predict")
        page.wait_for_selector("#predicted tr")
        page.select_option("#model", "gestures")
        for count in (1, 2):
            page.fill("#observation", "[1000.0, 1001.5]")
            page.click("#step")
            page.wait_for_function(f"document.querySelector('#steps').textContent.includes('after {count} ')")
        first = page.locator("#answer tr").first.inner_text().split()
        assert first[0] == "label"
        assert first[1] in ("down", "flat", "up")
        assert page.locator("#answer .bar").count() == 3
        page.select_option("#model", "both")
        assert not page.is_visible("#streaming")
        page.select_option("#model", "text")
        page.fill("#length", "40")
        page.click("#generate")
        page.wait_for_function("document.querySelector('#text').textContent.length == 40")
        shot = os.environ.get("GATEWISE_SCREENSHOT")
        if shot:
            page.select_option("#model", "gestures")
            page.click("#step")
            page.wait_for_selector("#answer .bar")
            page.screenshot(path=shot)
        browser.close()
    assert all(one.startswith(process.url) for one in heard), heard


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.thorough)])
def test_no_acknowledged_step_is_lost_when_the_process_is_killed(process, folders, count):
    values, _ = walks(count=count, steps=40)
    acknowledged = dict.fromkeys(range(count), 0)

    async def step_all():
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=process.url, timeout=LIMIT, limits=limits) as client:

            async def begin(number):
                response = await client.post(f"/stream/k{number}", json={"model": "gestures"})
                assert response.status_code == 201

            async def run(number):
                for row in values[number]:
                    observation = {"observation": row.tolist()}
                    response = await client.post(f"/stream/k{number}/step", json=observation)
                    assert response.json()["steps"] == acknowledged[number] + 1
                    acknowledged[number] += 1
                    if sum(acknowledged.values()) == STEPS * count:
                        os.kill(process.child.pid, signal.SIGKILL)

            await asyncio.gather(*map(begin, range(count)))
            await asyncio.gather(*map(run, range(count)), return_exceptions=True)

    asyncio.run(step_all())
    assert process.child.wait(LIMIT) == -signal.SIGKILL
    assert STEPS * count <= sum(acknowledged.values()) < 40 * count
    with served(folders, state=process.state) as client:
        stream = client.models["gestures"].model.stream()
        kept = [client.get(f"/stream/k{number}").json()["steps"] for number in range(count)]
        for number, steps in enumerate(kept):
            assert acknowledged[number] <= steps <= acknowledged[number] + 1  # one was on its way
        for step in range(max(kept) + 1):
            present = [number for number in range(count) if step <= kept[number]]
            expected = stream.step_many({str(number): values[number, step] for number in present})
            for number in present:
                if step == kept[number]:
                    body = {"observation": values[number, step].tolist()}
                    answer = client.post(f"/stream/k{number}/step", json=body).json()["answer"]
                    own = expected[str(number)]["probabilities"]
                    np.testing.assert_allclose(answer["probabilities"]["up"], own["up"], atol=3e-7)
