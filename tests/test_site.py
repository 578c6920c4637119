"""The documentation's site: it has every page and a whole reference, and loads nothing from elsewhere."""

import re
import runpy
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import driving
import pytest
import typer

import mien
from mien.cli import VERBS, app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def make_site() -> dict[str, Any]:
    """The names of docs/make_site.py."""
    return runpy.run_path(str(DOCS / "make_site.py"))


def navigation(items: list[dict[str, Any]]) -> Iterator[str]:
    """The pages that are named in a part of the navigation; those with a heading are addresses in the site."""
    for item in items:
        for value in item.values():
            yield from [value] if isinstance(value, str) else navigation(value)


def test_the_navigation_names_every_page() -> None:
    settings = tomllib.loads((DOCS / "zensical.toml").read_text(encoding="utf-8"))
    named = set(navigation(settings["project"]["nav"]))
    written = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    made = {"reference/command-line.md", "reference/python.md", "project/CHANGELOG.md"}
    assert written | made <= named


def test_the_reference_has_every_verb_and_option(make_site: dict[str, Any]) -> None:
    text = make_site["command_line"]()
    assert re.findall(r"^## mien (\w+)$", text, re.MULTILINE) == list(VERBS)
    group: Any = typer.main.get_command(app)
    context = group.context_class(group, info_name="mien")
    for verb in VERBS:
        _, command, _ = group.resolve_command(context, [verb])
        part = text.partition(f"\n## mien {verb}\n")[2].partition("\n## ")[0]
        options = [option for each in command.params for option in each.opts if option.startswith("--")]
        assert [option for option in options if option not in part] == []


def test_the_reference_has_every_public_name(make_site: dict[str, Any]) -> None:
    named = re.findall(r"^::: mien\.\S*?(\w+)$", make_site["python"](), re.MULTILINE)
    assert set(mien.__all__) <= set(named)
    assert len(named) == len(set(named)), "nothing is described twice"


def test_commands_and_python_become_tabs(make_site: dict[str, Any]) -> None:
    before = "```console\n$ mien models\n```\n\nText.\n\n"
    commands = "```console no-run: needs a camera\n$ mien live\n```"
    shown = make_site["as_shown"](f"{before}{commands}\n\n<!-- or -->\n\n```python\nmien.Camera(0)\n\nx\n```\n\nEnd.\n")
    assert shown == (
        f'{before}=== "Command line"\n\n    ```console\n    $ mien live\n    ```\n\n'
        '=== "Python"\n\n    ```python\n    mien.Camera(0)\n\n    x\n    ```\n\nEnd.\n'
    )


def test_short_names_do_not_break(make_site: dict[str, Any]) -> None:
    """A browser broke `--subtitles` twice: after the hyphens, and before its last letter."""
    page = "| `--csv` | `a.b`, |\n\n`mien\nlive` and `mien analyze holiday/ --csv out.csv`: ``a ` b``\n"
    assert make_site["as_shown"](page) == (
        "| `--csv`{ .name } | `a.b`{ .name }, |\n\n"
        "`mien\nlive`{ .name } and `mien analyze holiday/ --csv out.csv`: ``a ` b``{ .name }\n"
    )
    block = "```sh\necho `date`\n```\n"
    assert make_site["as_shown"](block) == block
    assert "code.name {\n  white-space: nowrap" in (DOCS / "site.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, str(DOCS / "make_site.py"), "--out", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|link)\b[^>]*?\b(?:src|href)=["']?(?:https?:)?//[^>]*>"""
    r"""|url\(["']?(?:https?:)?//"""
)
"""What makes a browser ask another host; a link that somebody may follow does not."""


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 30
    assert [(page.name, found) for page in pages for found in ELSEWHERE.findall(page.read_text(encoding="utf-8"))] == []
    assert ELSEWHERE.search('<link rel="stylesheet" href="https://fonts.example.org/css">')


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """Those of the navigation and the reference, too."""
    broken = []
    texts = {page: page.read_text(encoding="utf-8") for page in site.rglob("*.html")}
    names = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():
        if page.name == "404.html":  # its links are those of a host's root
            continue
        for name, heading in re.findall(r'<a\b[^>]*?\bhref="([^"#?:]*)(?:#([^"]*))?"', text):
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (heading and heading not in names.get(target, ())):
                broken.append((str(page.relative_to(site)), name, heading))
    assert sorted(set(broken)) == []


@pytest.mark.browser
def test_pages_fit_a_phone_and_ask_nobody_else(site: Path) -> None:
    if lacks := driving.missing(node=False):
        pytest.skip(f"needs {lacks}: make test-browser")
    from playwright.sync_api import sync_playwright

    handler = partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        browser = playwright.chromium.launch(executable_path=driving.browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        wide = []
        for path in sorted(site.rglob("*.html")):
            page.goto(home + str(path.relative_to(site)))
            if page.evaluate("document.documentElement.scrollWidth") > 390:
                wide.append(path.name)
        browser.close()
        server.shutdown()
    assert wide == []
    assert [url for url in asked if not url.startswith(home) and not url.startswith(("data:", "blob:"))] == []
