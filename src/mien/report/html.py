"""The parts of mien's pages: each is one file that loads nothing, light or dark as the reader's system."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --ink: #1f2430; --soft: #5d6675; --line: #dfe3ea;
  --accent: #2f6fd0; --train: #d5722a; --val: #2f6fd0; --good: #2f8a57; --bad: #c8453b; }
@media (prefers-color-scheme: dark) { :root { --page: #14171c; --card: #1d2128; --ink: #e7eaf0; --soft: #9aa3b2;
  --line: #343b46; --accent: #7fb0f5; --train: #f0a05a; --val: #7fb0f5; --good: #6cc794; --bad: #f08a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1400px; margin: 0 auto; padding: 28px 24px 60px; }
header { margin-bottom: 20px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 12px; }
.soft, figcaption, caption { color: var(--soft); }
.small { font-size: 13px; }
.pill { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: 1px 10px; font-size: 13px;
  color: var(--soft); vertical-align: 3px; margin-left: 8px; }
.pill.running { color: var(--good); border-color: currentColor; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 0; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 16px;
  min-width: 112px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; font-size: 21px; font-weight: 650; font-variant-numeric: tabular-nums; }
.tile small { font-size: 13px; font-weight: 400; color: var(--soft); }
.grid { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 18px 20px; min-width: 0;
  grid-column: span 12; }
.half { grid-column: span 6; } .third { grid-column: span 4; } .two-thirds { grid-column: span 8; }
@media (max-width: 900px) { .half, .third, .two-thirds { grid-column: span 12; } main { padding: 20px 14px 40px; }
  .card { padding: 14px; } }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th { font-weight: 600; color: var(--soft); text-align: right; padding: 4px 8px; white-space: nowrap; }
td { text-align: right; padding: 4px 8px; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, .words td, .words th { text-align: left; }
.words td { white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
.words td:first-child { color: var(--soft); white-space: nowrap; padding-right: 16px; }
svg { display: block; width: 100%; height: auto; }
.chart text { fill: var(--soft); font-size: 12px; font-family: inherit; }
.axis { stroke: var(--line); stroke-width: 1; }
details summary { cursor: pointer; color: var(--soft); }
.key { display: inline-flex; align-items: center; gap: 6px; margin-right: 16px; font-size: 13px; color: var(--soft); }
.key i { width: 14px; height: 4px; border-radius: 2px; display: inline-block; }
"""

_KEEP_PLACE: Final = """
const place = "mien " + location.pathname;
addEventListener("beforeunload", () => sessionStorage.setItem(place, scrollY));
addEventListener("load", () => scrollTo(0, Number(sessionStorage.getItem(place) || 0)));
"""


def document(title: str, body: str, *, style: str = "", script: str = "", refresh: int | None = None) -> str:
    """A whole page: `title` is plain text and `body` HTML; `style` and `script` come beside the common ones.

    With `refresh` the page reloads itself after so many seconds, and keeps its place.
    """
    reload = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    scripts = f"<script>{script}{_KEEP_PLACE if refresh else ''}</script>" if script or refresh else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="mien">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{reload}'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>"
        f"<body><main>{body}</main>{scripts}</body></html>\n"
    )


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
