"""The parts of mien's pages: each is one file that loads nothing, light or dark as the reader's system."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from mien.emotions import UNCLEAR, UNCLEAR_COLOUR, colours_of

REPORT_TITLE: Final = rb'(?s).{0,500}<meta name="generator" content="mien">.{0,9999}?: expressions</title>'
"""How the pages of `--report` begin, as a regular expression."""

PAGE_SUFFIXES: Final = (".html", ".htm")

INTERRUPTED: Final = "The job was interrupted; this is what was done until then."

_NOTE: Final = (
    "mien says what a face <em>shows</em>, frame by frame, not what a person <em>feels</em>. The same face can mean "
    "joy, politeness or pain. <em>Unclear</em> stands where the answer should not be relied on. In the European "
    "Union, inferring emotions at work and at school is forbidden (AI Act, Article 5(1)(f))."
)


def document(title: str, body: str, *, style: str, script: str = "", refresh: int | None = None) -> str:
    """A whole page: `title` is plain text and `body` HTML; `style` and `script` are files that lie beside this one.

    With `refresh` the page reloads itself after so many seconds, and keeps its place.
    """
    reload = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    code = _read(script, "keep_place.js" if refresh else "")
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="generator" content="mien">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{reload}'
        f"<title>{escape(title)}</title><style>{_read('page.css', style)}</style></head>"
        f"<body><main>{body}</main>{code and f'<script>{code}</script>'}</body></html>\n"
    )
    # A file's name that is no UTF-8 has lone surrogates, which UTF-8 has no bytes for.
    return page.encode("utf-8", "backslashreplace").decode()


def expressions_page(
    name: str,
    figures: Iterable[tuple[str, str, str]],
    cards: Iterable[str],
    made_with: Mapping[str, object],
    *,
    style: str,
    script: str = "",
    legend: str = "",
    link: str = "",
    data: str = "",
) -> str:
    """A page of `--report` on the source `name`: headline figures, cards, and last what it was made with and says.

    `legend`, `link` and `data` are HTML: below the figures, below the note, and what a script needs.
    """
    last = [
        card("Made with", named_values(made_with.items()), "half"),
        card("What this says", f"<p>{_NOTE}</p>{link}", "half"),
    ]
    top = f"<header><h1>{escape(name)}</h1>{tiles(figures)}{legend}</header>"
    body = f'{top}<div class="grid">{"".join([*cards, *last])}</div>{data}'
    return document(f"{name}: expressions", body, style=style, script=script)


def css_colours(labels: Sequence[str]) -> dict[str, str]:
    """The colour of each of a model's labels, and last of "unclear", as CSS has it."""
    colours = colours_of(labels) | {UNCLEAR: UNCLEAR_COLOUR}
    return {label: "rgb({} {} {})".format(*colours[label]) for label in (*labels, UNCLEAR)}


def counted(number: int, one: str, more: str = "") -> str:
    """A number with its noun: `1 person`, `1,200 people`.

    >>> counted(1, "person", "people"), counted(0, "frame")
    ('1 person', '0 frames')
    """
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def and_more(number: int, one: str) -> str:
    """A line about what a list leaves out, if it does."""
    return f'<p class="small soft">{counted(number, one)} more.</p>' if number > 0 else ""


def shares_bar(shares: Iterable[tuple[str, float, str]]) -> str:
    """Names, their shares and CSS colours as a bar from the largest to the smallest, and in words beneath."""
    shown = sorted((each for each in shares if each[1] > 0), key=lambda each: -each[1])
    words = [f"{escape(name)} {share:.0%}" for name, share, _ in shown]
    bar = "".join(
        f'<i style="width:{share:.2%};background:{colour}" title="{text}"></i>'
        for text, (_, share, colour) in zip(words, shown, strict=True)
    )
    return f'<div class="shares">{bar}</div><p class="small">{", ".join(words)}</p>'


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
