"""Measure how many of a camera's frames headless Chromium shows with their faces: in the app, and with `mien serve`.

    PYTHONPATH=web python benchmarks/browser.py [--json benchmarks/results/browser.json]

The camera has 640×480 pixels and one face that moves, 30 times a second. The browser, what draws for it in place of a
graphics card, and the service share the machine's cores with whatever else runs: `load` is the mean number of programs
that wanted one, this one left out. Needs what `make test-browser` sets up. Ends in one JSON line.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import driving
from measuring import hardware, write_result

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATE = 30
SECONDS = 20
"""How long each is measured, after two seconds that are not."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    path = parser.parse_args().json
    if lacks := driving.missing():
        raise SystemExit(f"needs {lacks}: make test-browser")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        camera, app = Path(name, "camera.y4m"), Path(name, "app")
        driving.write_camera(camera, driving.moving_portrait(RATE * 12, RATE), RATE)
        driving.build("app", app)
        with driving.chromium(camera) as browser:
            with driving.static_host(app) as host:
                alone = {model: measured(browser, host.address, model) for model in ("rep-small", "mini-xception")}
            with driving.service() as address:
                served = measured(browser, address)
            version = browser.version
        megabytes = sum(file.stat().st_size for file in app.rglob("*") if file.is_file()) / 1e6
    result = {
        "benchmark": "browser", "picture": "640x480, one face", "camera_rate": RATE, "seconds": SECONDS,
        "app": alone, "page": {"rep-small": served}, "app_megabytes": round(megabytes, 1),
        "load": round(load, 1), "chromium": version,
    }  # fmt: skip
    write_result(result | hardware(), path)


def measured(browser: "Browser", address: str, model: str | None = None) -> dict[str, Any]:
    """The camera's frames a second that the page saw, those that it analysed, and their share."""
    context = browser.new_context(permissions=["camera"])
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("body[data-ready]", timeout=60_000)
    if model:
        page.select_option("#model", model)
    page.click("#camera")
    page.wait_for_timeout(2000)
    before, begun = counts(page), time.perf_counter()
    page.wait_for_timeout(1000 * SECONDS)
    after, seconds = counts(page), time.perf_counter() - begun
    context.close()
    frames, analysed = (after[name] - before[name] for name in ("frames", "analysed"))
    return {
        "frames_a_second": round(frames / seconds, 1),
        "analysed_a_second": round(analysed / seconds, 1),
        "share": round(analysed / frames, 3),
    }


def counts(page: "Page") -> dict[str, int]:
    """How many frames the page saw and analysed since the camera's start."""
    return {name: int(value) for name, value in page.locator("#busy").evaluate("busy => ({...busy.dataset})").items()}


if __name__ == "__main__":
    main()
