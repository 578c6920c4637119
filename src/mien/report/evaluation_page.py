"""The scores of a model as one page: of all faces, by group, and in other light. It holds no face."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from mien.data.reading import shortened
from mien.report.charts import Row, classes, confusion, interval_chart, share_lines, small_print
from mien.report.html import card, counted, document, key, table, tiles

EVALUATION_TITLE: Final = rb'(?s).{0,500}<meta name="generator" content="mien">.{0,9999}?: evaluation</title>'
"""How these pages begin, as a regular expression."""

LEVEL: Final = 0.05  # of the tests
_MOST_NAMED: Final = 8  # groups that are too small
_MOST_OPEN: Final = 6  # groups whose recalls are shown before somebody asks for them

_NOTES: Final = (
    "<b>Intervals</b> of 95 % come from a bootstrap that draws subjects, with all their faces. That of a difference "
    "is the test's, and holds for all pairs of the attribute's groups at once.",
    "<b>p</b> is how often chance alone takes two groups as far apart. It comes from permuting the subjects' values, "
    "and is adjusted for the number of groups and of attributes (or of pairs of attributes). Where faces of one "
    "subject have different values, it comes from the bootstrap.",
    "<b>No gap found</b> does not mean that there is none: the interval says how large it may be.",
    "<b>Standardised</b> is the accuracy that the group would have if its faces showed the expressions of all faces "
    "together. Where it differs from the accuracy, the group's faces show other expressions than those of the rest.",
    "<b>Overconfidence</b> is the mean confidence minus the accuracy. The <b>calibration error</b> grows as faces get "
    "fewer: compare it with what chance alone gives, in brackets.",
    "Recall is given where the group has at least {faces} faces of the expression, of {subjects} subjects.",
)
_BY_VOTES: Final = (
    "By the reading people a confidence is the share of people who would name the label. An answer counts as right "
    "where most people name it, so confidences are below the accuracy in all groups: compare groups with each other."
)
_FIGURES: Final = {"accuracy": "accuracy", "standardised": "standardised accuracy", "uncertain": "share left uncertain"}


def render(result: Mapping[str, Any]) -> str:
    """The page as HTML, from what `mien evaluate --json` writes."""
    views = f", {result['views']} views of each face" if result["views"] > 1 else ""
    where = f"{result['split']}{views}"
    reading = f" (reading: {result['reading']})" if result["reading"] else ""
    whole = " (reading: fer2013)" if result["reading"] == "people" else ""
    heading = f"{escape(result['model'])} on {escape(result['data'])}"
    headlines = tiles(_headlines(result, whole))
    header = f'<header><h1>{heading}<span class="pill">{escape(where)}</span></h1>{headlines}</header>'
    cards = [*_group_cards(result["groups"], reading), *_light_cards(result["light"], reading)]
    cards += [
        card(f"Confusion{whole}", confusion(result["labels"], result["confusion"]), "two-thirds"),
        card(f"Expressions{whole}", classes(result["per_class"]), "third"),
        card("What this says", _about(result)),
    ]
    title = f"{result['model']} on {result['data']}: evaluation"
    return document(title, f'{header}<div class="grid">{"".join(cards)}</div>', style="evaluation_page.css")


def verdict(scores: Mapping[str, Any], figure: str = "accuracy") -> str:
    """A sentence of plain text about the gap of an attribute in a figure, as `AttributeScores` has it."""
    gap = scores["gaps"].get(figure)
    if gap is None:
        what = "one group is" if scores["by_group"] else "no group is"
        return f"nothing to compare: {what} large enough to be scored"
    far = f"“{gap['lowest']}” is {_points(gap)} below “{gap['highest']}”, {_p_value(gap)}"
    if gap["p_adjusted"] > LEVEL:
        return f"no gap found: {far}"
    clearest = list(gap["clearest"])
    other = "" if clearest == [gap["lowest"], gap["highest"]] else f"; clearest: “{clearest[0]}” below “{clearest[1]}”"
    return f"a gap: {far}{other}"


def _points(gap: Mapping[str, Any]) -> str:
    value, low, high = (100 * gap["difference"][name] for name in ("value", "low", "high"))
    return f"{value:.1f} points [{low:.1f}, {high:.1f}]"


def _p_value(gap: Mapping[str, Any]) -> str:
    text = f"p = {gap['p_adjusted']:.3f}" if gap["p_adjusted"] >= 0.001 else "p < 0.001"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def found_gap(scores: Mapping[str, Any], figure: str = "accuracy") -> bool:
    """Whether the groups of an attribute differ by more than chance."""
    gap = scores["gaps"].get(figure)
    return gap is not None and gap["p_adjusted"] <= LEVEL


def not_shown(scores: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """A sentence of plain text about the groups that are too small; empty if none is."""
    small = scores["too_small"]
    if not small:
        return ""
    names = "; ".join(shortened(name) for name in small[:_MOST_NAMED])
    more = f" and {len(small) - _MOST_NAMED:,} more" if len(small) > _MOST_NAMED else ""
    limits = f"fewer than {groups['least_faces']} faces or {groups['least_subjects']} subjects"
    return f"not shown, {limits}: {names}{more}"


def _headlines(result: Mapping[str, Any], reading: str) -> list[tuple[str, str, str]]:
    rows = [
        (f"accuracy{reading}", f"{result['accuracy']:.1%}", f"± {result['standard_error']:.1%}"),
        ("faces", f"{result['num_faces']:,}", ""),
        ("macro F1", f"{result['macro_f1']:.3f}", ""),
        ("calibration error", f"{result['ece']:.3f}", "ECE"),
    ]
    groups = result["groups"]
    if groups:
        rows.insert(2, ("subjects", f"{groups['overall']['num_subjects']:,}", f"in {groups['table']}"))
    return rows


def _group_cards(groups: Mapping[str, Any] | None, reading: str) -> list[str]:
    if not groups:
        return []
    figures = list(dict.fromkeys(figure for each in groups["by_attribute"] for figure in each["gaps"]))
    lines = [
        [escape(_name(each)), *([_worst(each, figure) for figure in each["gaps"]] or [escape(verdict(each))])]
        for each in groups["by_attribute"]
    ]
    unnamed = groups["num_unnamed"]
    notes = (
        [f"{counted(unnamed, 'face')} without a row in {escape(groups['table'])} count here nowhere."]
        if unnamed
        else []
    )
    head = ["", *(_FIGURES[figure] for figure in figures)]
    summary = f'<div class="verdicts">{table(head, lines, words=True)}</div>{small_print(notes)}'
    limits = {"faces": groups["least_faces"], "subjects": groups["least_subjects"]}
    notes_below = [note.format(**limits) for note in _NOTES] + ([_BY_VOTES] if "people" in reading else [])
    return [
        card(f"The worst group of each attribute{reading}", summary),
        card("How to read it", small_print(notes_below)),
        *(card(_name(each), _attribute(each, groups)) for each in groups["by_attribute"]),
    ]


def _worst(scores: Mapping[str, Any], figure: str) -> str:
    """The group of an attribute that does worst by a figure, with its value, and how far it is from the best."""
    gap = scores["gaps"][figure]
    worst, best, apart = gap["lowest"], gap["highest"], "below"
    if figure == "uncertain":
        worst, best, apart = best, worst, "above"
    found = found_gap(scores, figure)
    value, low, high = (100 * scores["by_group"][worst][figure][name] for name in ("value", "low", "high"))
    name = f"{shortened(worst)}: {value:.1f}\N{NO-BREAK SPACE}%"
    far = f"{'' if found else 'no gap found: '}{_points(gap)} {apart} “{shortened(best)}”, {_p_value(gap)}"
    return (
        f'<span class="verdict{" found" if found else ""}">{escape(name)}</span> [{low:.1f}, {high:.1f}]'
        f"<small>{escape(far)}</small>"
    )


def _name(scores: Mapping[str, Any]) -> str:
    return " × ".join(scores["attributes"])


def _attribute(scores: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    notes = [not_shown(scores, groups)]
    if scores["num_unknown"]:
        notes.append(f"{counted(scores['num_unknown'], 'face')} without a value")
    below = small_print(f"{escape(note[:1].upper() + note[1:])}." for note in notes if note)
    by_group = scores["by_group"]
    if not by_group:
        return below
    rows = [
        Row(
            name, f"n = {each['num_faces']:,}", each["accuracy"]["value"], each["accuracy"]["low"],
            each["accuracy"]["high"], each["standardised"]["value"],
        )
        for name, each in by_group.items()
    ]  # fmt: skip
    overall = groups["overall"]["accuracy"]["value"]
    drawing = interval_chart(rows, overall, f"accuracy by {_name(scores)}")
    legend = key([("accuracy, with its interval", "var(--accent)"), ("standardised", "var(--train)")])
    verdicts = "".join(
        f'<p class="small{" found" if found_gap(scores, figure) else ""}"><b>{_FIGURES[figure].capitalize()}</b>: '
        f"{escape(verdict(scores, figure))}.</p>"
        for figure in scores["gaps"]
    )
    return (
        f'<div class="beside"><div>{drawing}{legend}{verdicts}{below}</div><div>{_table(by_group)}</div></div>'
        f"{_recalls(by_group, groups['overall'])}"
    )


def _table(by_group: Mapping[str, Mapping[str, Any]]) -> str:
    doubts = any(each["uncertain"] for each in by_group.values())
    head = ["", "faces", "subjects", "accuracy", "standardised", "confidence", "over­confidence", "calibration error"]
    rows = []
    for name, each in by_group.items():
        cells = [
            escape(shortened(name)),
            f"{each['num_faces']:,}",
            f"{each['num_subjects']:,}",
            *(_interval(each[figure]) for figure in ("accuracy", "standardised", "confidence")),
            _interval(each["overconfidence"], signed=True),
            f"{100 * each['ece']:.1f} <small>({100 * each['ece_by_chance']:.1f})</small>",
        ]
        rows.append([*cells, _interval(each["uncertain"])] if doubts else cells)
    return table([*head, "left uncertain"] if doubts else head, rows)


def _interval(estimate: Mapping[str, float] | None, *, signed: bool = False) -> str:
    """A share and its interval, in percent."""
    if estimate is None:
        return "–"
    value, low, high = (100 * estimate[name] for name in ("value", "low", "high"))
    if signed:
        return f"{value:+.1f}<small>{low:+.1f} to {high:+.1f}</small>"
    return f"{value:.1f}<small>{low:.1f} to {high:.1f}</small>"


def _recalls(by_group: Mapping[str, Mapping[str, Any]], overall: Mapping[str, Any]) -> str:
    """Each group's recall of each expression, coloured by how far it is from that of all faces."""
    names = list(overall["recall"])
    head = "<tr><th></th>" + "".join(f'<th scope="col">{escape(name)}</th>' for name in names) + "</tr>"
    lines = []
    for group, each in {**by_group, "all": overall}.items():
        cells = [_recall(each["recall"][name], overall["recall"][name]) for name in names]
        lines.append(f'<tr><th scope="row">{escape(shortened(group))}</th>{"".join(cells)}</tr>')
    body = f'<table class="confusion recalls"><thead>{head}</thead>{"".join(lines)}</table>'
    state = " open" if len(by_group) <= _MOST_OPEN else ""
    return f'<details{state}><summary>Recall of each expression, %</summary><div class="scroll">{body}</div></details>'


def _recall(estimate: Mapping[str, float] | None, overall: Mapping[str, float] | None) -> str:
    if estimate is None or overall is None:
        return '<td class="soft">–</td>'
    apart = estimate["value"] - overall["value"]
    colour = "var(--good)" if apart > 0 else "var(--bad)"
    paint = f"background:color-mix(in srgb, {colour} {min(60, round(300 * abs(apart)))}%, var(--card))"
    return f'<td style="{paint}">{_interval(estimate)}</td>'


def _light_cards(light: Mapping[str, Any] | None, reading: str) -> list[str]:
    if not light:
        return []
    note = (
        f"The same {light['num_faces']:,} faces in other light. A stop doubles the light; at ×1 contrast a face is as "
        "it is. This is about the light on a face, and says nothing of its skin."
    )
    exposure = _light_chart(light["exposure"], "by exposure, in stops", "{:g}")
    contrast = _light_chart(light["contrast"], "by contrast", "×{:g}")
    return [
        card(f"Less or more light{reading}", exposure + small_print([note]), "half"),
        card(
            "Less or more contrast",
            contrast + small_print(["Pixels are that many times as far from the face's mean."]),
            "half",
        ),
    ]


def _light_chart(steps: Sequence[Mapping[str, Any]], meaning: str, position: str) -> str:
    series = {
        "accuracy": ("var(--accent)", [step["accuracy"] for step in steps]),
        "mean confidence": ("var(--train)", [step["confidence"] for step in steps]),
        "answers changed": ("var(--bad)", [step["changed"] for step in steps]),
    }
    if steps[0]["uncertain"] is not None:
        series["left uncertain"] = ("var(--soft)", [step["uncertain"] for step in steps])
    return share_lines([position.format(step["amount"]) for step in steps], series, f"answers {meaning}")


def _about(result: Mapping[str, Any]) -> str:
    lines = [
        "These are figures of this data set, with the labels that it has; on other faces they differ. mien says what a "
        "face <em>shows</em>, not what a person <em>feels</em>.",
        f"mien {escape(result['mien'])}, model {escape(result['model'])}, {result['num_parameters']:,} parameters.",
    ]
    if result["left_out"]:
        lines.append(f"Faces that {escape(result['left_out'])} marks were left out.")
    return small_print(lines)
