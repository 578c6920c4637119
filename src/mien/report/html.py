"""The parts of mien's pages: each is one file that loads nothing, light or dark as the reader's system."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path


def document(title: str, body: str, *, style: str, script: str = "", refresh: int | None = None) -> str:
    """A whole page: `title` is plain text and `body` HTML; `style` and `script` are files that lie beside this one.

    With `refresh` the page reloads itself after so many seconds, and keeps its place.
    """
    reload = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    code = _read(script, "keep_place.js" if refresh else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="mien">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{reload}'
        f"<title>{escape(title)}</title><style>{_read('page.css', style)}</style></head>"
        f"<body><main>{body}</main>{code and f'<script>{code}</script>'}</body></html>\n"
    )


def _read(*names: str) -> str:
    return "".join("\n" + (Path(__file__).parent / name).read_text(encoding="utf-8") for name in names if name)


def tiles(figures: Iterable[tuple[str, str, str]]) -> str:
    """Headline figures, each a name, a value and a small note after it; plain text."""
    cells = (
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(value)} <small>{escape(note)}</small></dd></div>'
        for name, value, note in figures
    )
    return f'<dl class="tiles">{"".join(cells)}</dl>'


def card(heading: str, content: str, width: str = "") -> str:
    """A part of the page; `width` is "", "half", "third" or "two-thirds". The heading is plain text."""
    return f'<section class="card {width}"><h2>{escape(heading)}</h2>{content}</section>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: bool = False) -> str:
    """Rows of HTML under a head of plain text, scrolling in its own width. `words`: columns of text, not of figures."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    kind = ' class="words"' if words else ""
    return f'<div class="scroll"><table{kind}>{f"<thead><tr>{top}</tr></thead>" if head else ""}{lines}</table></div>'


def chart(content: str, width: int, height: int, meaning: str) -> str:
    """An SVG as wide as its place, in the page's colours; `meaning` is plain text for who cannot see it."""
    about = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(meaning)}"'
    return f'<svg class="chart" {about}>{content}</svg>'


def named_values(values: Iterable[tuple[str, object]]) -> str:
    """Two columns of plain text."""
    return table((), [(escape(name), escape(str(value))) for name, value in values], words=True)


def key(entries: Iterable[tuple[str, str]]) -> str:
    """A legend of plain names and CSS colours."""
    return "".join(
        f'<span class="key"><i style="background:{colour}"></i>{escape(name)}</span>' for name, colour in entries
    )
