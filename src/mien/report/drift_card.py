"""A card of a page: how the faces differ from those that the model was measured on."""

from collections.abc import Mapping
from html import escape
from itertools import pairwise
from typing import Final

from mien.drift import Compared, Drift
from mien.report.html import card, chart, counted, key

WIDTH, HEIGHT = 240, 84
HIGHEST: Final = 3.0
"""Times as many faces as in the reference, from which on bars are equally high."""

_NOTE: Final = (
    "Each bar stands for a part of the reference faces, from those lowest in the measure to those highest. It is as "
    "wide as their share, and as high as faces like them are frequent here; were all alike, to the dashed line. "
    "Some difference, above all of sharpness, comes from cutting faces out of pictures, and is allowed for."
)


def drift_card(drift: Drift, colours: Mapping[str, str]) -> str:
    """The whole card; `colours` are those of the labels, as CSS has them."""
    units = counted(drift.num_units, "picture or person", "pictures and people")
    those = f"{drift.num_reference:,} faces of {escape(drift.data)} that {escape(drift.model)} was measured on"
    about = f"{units} beside the {those}"
    said = drift.texts
    if not drift.enough:
        said = ["Too few to say anything."]
    words = "".join(f"<p>{escape(text[0].upper() + text[1:])}.</p>" for text in said or ["No drift found."])
    if not drift.enough:
        return card("Compared with the reference", f"{words}<p class='small soft'>{about}.</p>")
    named = {finding.name for finding in drift.image}
    measures = "".join(_measure(each, each.name in named) for each in drift.compared)
    named = {finding.name for finding in drift.classes}
    longest = max([share for both in drift.shares.values() for share in both], default=1.0)
    rows = "".join(
        _label(label, *both, longest, colours[label], label in named) for label, both in drift.shares.items()
    )
    legend = key([("no drift", "var(--accent)"), ("drift", "var(--bad)")])
    labels = f'<h3>Leading labels <small>grey: reference</small></h3><div class="labels">{rows}</div>' if rows else ""
    return card(
        "Compared with the reference",
        f'{words}<p class="small soft">{about}. A picture, and a person in a video, counts once.</p>'
        f'<h3>Pictures</h3>{legend}<div class="measures">{measures}</div><p class="small soft">{_NOTE}</p>{labels}',
    )


def _measure(each: Compared, drifted: bool) -> str:
    """How faces here are spread over the reference's parts."""
    colour = "var(--bad)" if drifted else "var(--accent)"
    bars = ""
    edges = zip(pairwise((0.0, *each.reference.shares, 1.0)), pairwise((0.0, *each.here.shares, 1.0)), strict=True)
    for (left, right), (low, high) in edges:
        if right > left:
            height = HEIGHT * min(HIGHEST, (high - low) / (right - left)) / HIGHEST
            place = f'x="{WIDTH * left + 0.5:.1f}" width="{max(1.0, WIDTH * (right - left) - 1):.1f}"'
            bars += f'<rect {place} y="{HEIGHT - height:.1f}" height="{height:.1f}" style="fill:{colour}"/>'
    at = HEIGHT - HEIGHT / HIGHEST
    line = f'<line x1="0" x2="{WIDTH}" y1="{at:.1f}" y2="{at:.1f}" class="even"/>'
    means = f"mean {each.here.mean:.3g}, reference {each.reference.mean:.3g}"
    meaning = f"{each.name}: {means}"
    return (
        f"<figure><figcaption><b>{escape(each.name)}</b> {means}</figcaption>"
        f"{chart(bars + line, WIDTH, HEIGHT, meaning)}</figure>"
    )


def _label(label: str, here: float, reference: float, longest: float, colour: str, drifted: bool) -> str:
    """Two bars: the label's share of the faces here, and of the reference's; the longest fills its column."""
    name = f"<b>{escape(label)}</b>" if drifted else escape(label)
    return (
        f"<span>{name}</span><div>"
        f'<i style="width:{here / longest:.1%};background:{colour}"></i>'
        f'<i style="width:{reference / longest:.1%};background:var(--soft)"></i></div>'
        f"<span>{here:.0%} instead of {reference:.0%}</span>"
    )
