"""The tables in which `mien evaluate` shows its scores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from mien.cli.console import table_with
from mien.evaluation.explanations import PARTS
from mien.report import evaluation_page
from mien.report.html import counted


def tables_of(result: Mapping[str, Any]) -> Iterator[Table | str]:
    """Everything that was measured, for people."""
    yield _table(result)
    yield from _tables_of_doubts(result["readings"])
    if result["calibration_faces"]:
        yield (
            "these faces fitted the calibration and the thresholds:\n"
            "on others, ECE, error kept and sets are a little worse"
        )
    if result["explanations"]:
        yield from _tables_of_explanations(result["explanations"])
    if result["groups"]:
        yield from _group_tables(result["groups"])
    if result["light"]:
        yield _light_table("exposure", "stops", result["light"])
        yield _light_table("contrast", "times", result["light"])
    if result["groups"]:
        if result["reading"]:
            yield f"accuracy by group of the reading {result['reading']}:"
        yield from _gap_lines(result["groups"])


def _table(result: Mapping[str, Any]) -> Table:
    """The scores for people: of the split, without duplicates, and a row for each class."""
    views = f", {result['views']} views" if result["views"] > 1 else ""
    title = f"{result['model']} on {result['data']}, {result['split']}{views}; in %, except faces and NLL"
    # 80 columns are enough for it.
    table = table_with("", "faces", "accuracy", "precision", "F1", "ECE", "NLL", "people", left=[""], title=title)
    parts = {"all faces": result, "no duplicates": result["without_duplicates"]}
    for name, part in parts.items():
        if part:
            f1, ece = _percent(part["macro_f1"]), _percent(part["ece"])
            table.add_row(name, str(part["num_faces"]), _accuracy(part), "", f1, ece, f"{part['nll']:.4f}")
    fer_plus = result["fer_plus"]
    if fer_plus and fer_plus["num_faces"]:
        table.add_row("FER+, 8 labels", str(fer_plus["num_faces"]), _accuracy(fer_plus))
    people = result["readings"]["people"]
    if people:
        ece, nll = _percent(people["ece"]), f"{people['nll']:.4f}"
        table.add_row("people, 7 labels", str(people["num_faces"]), _accuracy(people), "", "", ece, nll, "recall")
    recall = people["recall"] if people else {}
    table.add_section()
    for name, row in result["per_class"].items():
        figures = (row["recall"], row["precision"], row["f1"])
        cells = [_percent(each) if row["num_faces"] else "–" for each in figures]
        named = recall.get(name)
        table.add_row(name, str(row["num_faces"]), *cells, "", "", "" if named is None else _percent(named))
    if people:
        table.add_section()
        table.add_row("mean recall", "", _percent(result["readings"]["fer2013"]["mean_recall"]), *[""] * 4,
                      _percent(people["mean_recall"]))  # fmt: skip
    return table


def _tables_of_doubts(scored: Mapping[str, Any]) -> Iterator[Table]:
    """What each reading leaves uncertain, and what its sets hold."""
    readings = {name: each["abstention"] for name, each in scored.items() if each}
    title = "what is uncertain, and the accuracy of the clearest 50, 75 and 90 %; in %"
    table = table_with("", "uncertain", "unlike", "error kept", "50", "75", "90", "AURC", left=[""], title=title)
    for name, each in readings.items():
        cells = ["–" if each[key] is None else _percent(each[key]) for key in ("uncertain", "unlike", "error_kept")]
        table.add_row(name, *cells, *map(_percent, each["surest"].values()), _percent(each["aurc"]))
    yield table
    sets = {name: each["sets"] for name, each in readings.items() if each["sets"]}
    if sets:
        title = "prediction sets; in %, except labels"
        table = table_with("", "right inside", "labels", "of one label", left=[""], title=title)
        for name, each in sets.items():
            table.add_row(name, _percent(each["coverage"]), f"{each['size']:.2f}", _percent(each["single"]))
            for label, part in each["per_class"].items():
                table.add_row(f"  {label}", _percent(part["coverage"]), f"{part['size']:.2f}", "")
        yield table


def _accuracy(part: Mapping[str, Any]) -> Text:
    return Text.assemble((_percent(part["accuracy"]), "bold"), f" ± {_percent(part['standard_error'])}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f}"


def _group_tables(groups: Mapping[str, Any]) -> list[Table]:
    """A table for each attribute, then one of the recalls, then a table for each pair of attributes."""
    tables = [(scores, _group_table(scores)) for scores in groups["by_attribute"] if scores["by_group"]]
    single = [table for scores, table in tables if len(scores["attributes"]) == 1]
    pairs = [table for scores, table in tables if len(scores["attributes"]) == 2]
    return [*single, *([_recall_table(groups)] if single else []), *pairs]


def _gap_lines(groups: Mapping[str, Any]) -> list[str]:
    """A line about the gap of each attribute and each pair, and about what is not shown."""
    lines = []
    for scores in groups["by_attribute"]:
        name = " × ".join(scores["attributes"])
        lines.append(f"{name}: {evaluation_page.verdict(scores)}")
        lines += [f"{name}, {figure}: {evaluation_page.verdict(scores, figure)}" for figure in scores["gaps"]
                  if evaluation_page.found_gap(scores, figure) != evaluation_page.found_gap(scores)]  # fmt: skip
        lines += [f"{name}: {line}" for line in (evaluation_page.not_shown(scores, groups),) if line]
    if groups["num_unnamed"]:
        lines.append(f"{counted(groups['num_unnamed'], 'face')} without a row in {groups['table']}")
    return lines


def _group_table(scores: Mapping[str, Any]) -> Table:
    doubts = any(each["uncertain"] for each in scores["by_group"].values())
    # 80 columns leave room for names.
    head = ["faces", "sub-\njects", "accuracy", "stan-\ndard-\nised", "con-\nfi-\ndence", "ECE\n(chance)"]
    title = f"{' × '.join(scores['attributes'])}; in %, with intervals of 95 %"
    table = table_with("", *head, *(["un-\ncertain"] if doubts else []), left=[""], title=title)
    for name, each in scores["by_group"].items():
        interval = "{value:.1f} [{low:.1f}, {high:.1f}]".format(
            **{key: 100 * value for key, value in each["accuracy"].items()}
        )
        cells = [f"{each['num_faces']:,}", f"{each['num_subjects']:,}", interval]
        cells += [f"{100 * each[figure]['value']:.1f}" for figure in ("standardised", "confidence")]
        cells.append(f"{100 * each['ece']:.1f} ({100 * each['ece_by_chance']:.1f})")
        table.add_row(name, *cells, *([f"{100 * each['uncertain']['value']:.1f}"] if doubts else []))
    return table


def _recall_table(groups: Mapping[str, Any]) -> Table:
    """The recall of each expression in each group of single attributes."""
    names = list(groups["overall"]["recall"])
    title = f"recall, %; –: fewer than {groups['least_faces']} faces or {groups['least_subjects']} subjects"
    table = table_with("", *names, left=[""], title=title)
    table.add_row("all", *_recalls(groups["overall"], names))
    for scores in groups["by_attribute"]:
        if len(scores["attributes"]) == 1 and scores["by_group"]:
            table.add_section()
            for name, each in scores["by_group"].items():
                table.add_row(f"{scores['attributes'][0]}: {name}", *_recalls(each, names))
    return table


def _recalls(scores: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [f"{100 * each['value']:.1f}" if (each := scores["recall"][name]) else "–" for name in names]


def _light_table(what: str, unit: str, light: Mapping[str, Any]) -> Table:
    steps = light[what]
    doubts = steps[0]["uncertain"] is not None
    title = f"the same {light['num_faces']:,} faces by {what}; in %"
    table = table_with(
        unit, "accuracy", "confidence", "answers changed", *(["uncertain"] if doubts else []), left=[], title=title
    )
    for step in steps:
        accuracy = f"{100 * step['accuracy']:.1f} ± {100 * step['standard_error']:.1f}"
        cells = [
            f"{100 * step[figure]:.1f}" for figure in ("confidence", "changed", *(["uncertain"] if doubts else []))
        ]
        table.add_row(f"{step['amount']:g}", accuracy, *cells)
    return table


def _tables_of_explanations(measured: Mapping[str, Any]) -> Iterator[Table]:
    height, width = measured["resolution"]
    title = f"evidence of {width} by {height} cells, {measured['num_faces']} faces; areas under the curves"
    table = table_with("pixels ordered by", "deletion, less is better", "insertion, more is better",
                       left=["pixels ordered by"], title=title)  # fmt: skip
    names = {
        "own": "the map",
        "random": "random maps",
        "shuffled": "another face's map",
        "centre": "nearness to centre",
    }
    for kind, name in names.items():
        cells = (measured[measure][kind] for measure in ("deletion", "insertion"))
        table.add_row(name, *(f"{each['mean']:.3f} ± {each['standard_error']:.3f}" for each in cells))
    yield table
    table = table_with("evidence in, %", "faces", *PARTS, left=["evidence in, %"])
    for label, row in measured["parts"].items():
        table.add_row(label, str(row["num_faces"]), *(_percent(row[part]["own"]) for part in PARTS))
    whole = measured["parts"].get("all")
    if whole:
        for name, kind in (("of random maps", "random"), ("area of the face", "area")):
            table.add_row(name, str(whole["num_faces"]), *(_percent(whole[part][kind]) for part in PARTS))
    yield table
    table = table_with("maps compared with", "rank correlation", left=["maps compared with"])
    for what, each in measured["randomized"].items():
        name = "another face's" if what == "another face" else f"weights shuffled in {what}"
        table.add_row(name, f"{each['mean']:.2f} ± {each['standard_error']:.2f}")
    yield table
