"""Build the documentation's site: `make docs`, which writes build/docs/site and ends with status 1 at a broken link.

    python docs/make_site.py            # build
    python docs/make_site.py --serve    # build, and show it at http://127.0.0.1:8001

The pages of docs/ are written to be read on GitHub too. For the site they are copied, and on the way

- a link that leaves docs/ leads to a page as well: a Markdown file is copied, of any other file or folder the content
  is shown;
- a block of commands and one of Python with `<!-- or -->` between them become tabs;
- what only the tests read, `no-run` and its reason after the name of a block's language, is taken out;
- the reference is written: the command line's from its own parsers, Python's as directives of mkdocstrings.

Needs mien with its extra `docs`, and no network.
"""

import argparse
import ast
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

import mien
from mien.cli import VERBS, app

ROOT: Final = Path(__file__).resolve().parents[1]
DOCS: Final = ROOT / "docs"
PORT: Final = 8001

ROOMS: Final = ("data", "detection", "drawing", "evaluation", "recognition", "records", "training", "video")
"""Rooms whose names are for callers too, beside those of `mien` itself."""

LANGUAGES: Final = {".py": "python", ".sh": "bash", ".toml": "toml"}
"""Files that a page shows, by their suffix."""

FENCED: Final = re.compile(r"^(```+|~~~+).*?^\1$", re.DOTALL | re.MULTILINE)
LINK: Final = re.compile(r"""(\]\(|\bsrc=")([^)\s"#]*)(#[^)\s"]*)?(?=[)\s"])""")
NO_RUN: Final = re.compile(r"^(```\w+) no-run\b.*$", re.MULTILINE)
CODE: Final = re.compile(r"(`+)(.+?)\1(?!`)", re.DOTALL)
INSIDE: Final = r"(?:(?!```).*\n)*"
PAIR: Final = re.compile(
    rf"^(```(?:console|sh)\n{INSIDE}```)\n\n<!-- or -->\n\n(```python\n{INSIDE}```(?:\n\n```text\n{INSIDE}```)?)$",
    re.MULTILINE,
)


def place_of(file: Path) -> Path:
    """Where a file of the project is among the site's pages."""
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS)
    inside = file.relative_to(ROOT)
    if file.suffix == ".md":
        return Path("project", inside.with_name(inside.name.replace("README", "readme")))
    return Path("project", f"{inside}.md")


def gather(pages: Path) -> None:
    """Write all pages into a folder, and whatever they show or lead to."""
    waiting = [*sorted(DOCS.rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    done = set(waiting)
    while waiting:
        file = waiting.pop()
        place = pages / place_of(file)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            text, targets = with_links(file)
            place.write_text(as_shown(text), encoding="utf-8")
            waiting += sorted(targets - done)
            done |= targets
        elif place.suffix == ".md":
            place.write_text(listing(file), encoding="utf-8")
        else:
            shutil.copy(file, place)
    shutil.copy(DOCS / "site.css", pages)


def with_links(page: Path) -> tuple[str, set[Path]]:
    """A page whose links lead to where things are in the site, and the files that they lead to."""
    targets = set()

    def moved(link: re.Match[str]) -> str:
        before, name, heading = link.groups()
        file = (page.parent / name).resolve()
        if not name or "://" in name or not file.exists():  # Zensical reports what is not there
            return link[0]
        targets.add(file)
        return before + os.path.relpath(place_of(file), place_of(page).parent) + (heading or "")

    return outside_code(page.read_text(encoding="utf-8"), lambda text: LINK.sub(moved, text)), targets


def outside_code(text: str, change: Any) -> str:
    """A page of which everything but the blocks of code is changed."""
    parts, end = [], 0
    for block in FENCED.finditer(text):
        parts += [change(text[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(text[end:])])


def as_shown(text: str) -> str:
    """A page as the site shows it: without notes for the tests, with tabs, and with names that do not break."""
    text = outside_code(text, lambda part: CODE.sub(named, part))
    return PAIR.sub(lambda pair: f"{tab('Command line', pair[1])}\n\n{tab('Python', pair[2])}", NO_RUN.sub(r"\1", text))


def named(code: re.Match[str]) -> str:
    """A piece of code in a sentence, with a class for the style sheet if it is short."""
    return f"{code[0]}{{ .name }}" if len(code[2]) < 25 else code[0]


def tab(title: str, content: str) -> str:
    return f'=== "{title}"\n\n' + re.sub(r"^(?=.)", "    ", content, flags=re.MULTILINE)


def listing(path: Path) -> str:
    """A page that shows a file, or all files of a folder."""
    files = sorted(each for each in path.iterdir() if each.suffix in LANGUAGES) if path.is_dir() else [path]
    lines = [f"# {path.name}\n"]
    for file in files:
        language = LANGUAGES.get(file.suffix, "text")
        lines.append(f"`{file.relative_to(ROOT)}`\n\n~~~~{language}\n{file.read_text(encoding='utf-8')}\n~~~~\n")
    return "\n".join(lines)


def command_line() -> str:
    """The reference of the command line, from the parsers that it is run by."""
    group: Any = typer.main.get_command(app)
    above = group.context_class(group, info_name="mien")
    lines = [
        "# The command line\n",
        "Written from the command line itself; `mien VERB --help` says the same. The status is 0 when all is well, "
        "1 when something failed, 2 when the command itself was wrong, and 130 when it was interrupted.\n",
    ]
    for verb in VERBS:
        _, command, _ = group.resolve_command(above, [verb])
        lines += section(command, above, f"mien {verb}", 2)
    return "\n".join(lines)


def section(command: Any, above: Any, name: str, level: int) -> Iterator[str]:
    """One verb, with those below it: what it does, how it is called, and its options."""
    context = command.context_class(command, info_name=name.rpartition(" ")[2], parent=above)
    yield f"{'#' * level} {name}\n"
    yield f"{cell(command.help or '')}\n"
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"```text\n{re.sub('[{}]', '', usage)}\n```\n"
    panels: dict[str, list[str]] = {}
    for parameter in command.params:
        panel = getattr(parameter, "rich_help_panel", None) or f"{parameter.param_type_name.capitalize()}s"
        words, about = parameter.get_help_record(context)
        panels.setdefault(panel, []).append(f"| `{words}` | {cell(about)} |")
    for panel, rows in panels.items():
        yield "\n".join([f"| {panel} | |", "| --- | --- |", *rows]) + "\n"
    for below, each in getattr(command, "commands", {}).items():
        yield from section(each, context, f"{name} {below}", level + 1)


def cell(text: str) -> str:
    """A text in one line, in which nothing is taken for Markdown or HTML but its marks of code."""
    return re.sub(r"([|*\[\]])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def python() -> str:
    """The reference of Python: a directive of mkdocstrings for each public name."""
    about = "Written from the docstrings; a test runs every example in them."
    files = "`party.jpg` and `talk.mp4` in them stand for a picture and a video of yours."
    lines = ["# Python\n", f"{about} {files}\n", "## mien\n"]
    lines += [f"::: mien.{name}\n" for name in mien.__all__]
    lines += ["## mien.errors\n", "::: mien.errors\n    options:\n      show_root_heading: false\n"]
    for room in ROOMS:
        about, names = contents(ROOT / "src" / "mien" / room / "__init__.py")
        lines += [f"## mien.{room}\n", f"{about}\n"]
        lines += [f"::: mien.{room}.{name}\n" for name in names if name not in mien.__all__]
    return "\n".join(lines)


def contents(module: Path) -> tuple[str, list[str]]:
    """The docstring and the public names of a module, which is not imported: it may need an extra."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    [names] = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return ast.get_docstring(tree) or "", names


def build(folder: Path) -> Path:
    """Write the pages and the site into a folder of their own; a broken link ends it. Returns the site's folder."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "zensical.toml").exists():
        sys.exit(f"error: {folder} holds other files; name a folder that is empty or new")
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    gather(pages)
    for name, text in (("command-line", command_line()), ("python", python())):
        page = pages / "reference" / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(as_shown(text), encoding="utf-8")
    shutil.copy(DOCS / "zensical.toml", folder)
    source = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=folder, env=source, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return folder / "site"


def serve(site: Path) -> None:
    """Show the site until Ctrl-C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", PORT), handler) as server:
        sys.stdout.write(f"http://127.0.0.1:{PORT}; Ctrl-C ends\n")
        server.serve_forever()


def main() -> None:
    """Build, and show."""
    words = argparse.ArgumentParser(description="Build the documentation's site.")
    words.add_argument("--out", type=Path, default=ROOT / "build" / "docs", help="a folder of its own")
    words.add_argument("--serve", action="store_true", help="show the site, too")
    wanted = words.parse_args()
    site = build(wanted.out)
    sys.stdout.write(f"open {site / 'index.html'}\n")
    if wanted.serve:
        serve(site)


if __name__ == "__main__":
    main()
