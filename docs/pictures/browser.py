"""Draw page.png and app.png: the page of `mien serve` with a camera, and the app on a phone.

    PYTHONPATH=web python docs/pictures/browser.py

The camera plays NASA's portrait of Eileen Collins, moved, blurred and darkened as in report.png. Needs what
`make test-browser` sets up.
"""

import runpy
import tempfile
from pathlib import Path

import driving

import mien

FOLDER = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        camera, app = Path(name, "camera.y4m"), Path(name, "app")
        portrait = mien.read_image(FOLDER / "astronaut.jpg")
        moving = runpy.run_path(str(FOLDER.parents[1] / "examples" / "moving_portrait.py"))
        rate, frame = moving["RATE"], moving["frame"]
        times = [index / rate for index in range(rate * moving["SECONDS"])]
        driving.write_camera(camera, (frame(portrait, time) for time in times), rate)
        driving.build("app", app)
        with driving.chromium(camera) as browser:
            with driving.service() as address:
                page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="light")
                page.goto(address)
                page.wait_for_selector("body[data-ready]")
                page.click("#camera")
                page.wait_for_timeout(38_500)
                page.screenshot(path=FOLDER / "page.png", full_page=True)
                page.close()
            with driving.static_host(app) as host:
                phone = browser.new_page(viewport={"width": 390, "height": 1000}, color_scheme="dark")
                phone.goto(host.address)
                phone.wait_for_selector("body[data-ready]")
                phone.set_input_files("#file", FOLDER / "astronaut.jpg")
                phone.wait_for_selector(".face")
                phone.get_by_role("switch", name="Show the evidence").press("Space")
                phone.wait_for_timeout(2000)
                phone.mouse.move(0, 0)
                phone.evaluate("scrollTo(0, 0)")
                phone.screenshot(path=FOLDER / "app.png")


if __name__ == "__main__":
    main()
