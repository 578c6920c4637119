import json
import re
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from mien.data import Attribute, Groups
from mien.evaluation import score, score_groups, score_light
from mien.evaluation.answers import Answers
from mien.report.evaluation_page import EVALUATION_TITLE, found_gap, not_shown, render, verdict

EVIL = "<script>alert(1)</script>"


def result(*, worse: float = 0.0, light: bool = False, uncertain: bool = False, groups: bool = True) -> dict[str, Any]:
    """What `mien evaluate --json` writes: 400 faces, of which half are less often correctly classified."""
    random = np.random.default_rng(0)
    side, labels = np.arange(400) % 2, np.arange(400) // 2 % 2
    wrong = random.random(400) < 0.2 + worse * side
    scores = np.where(np.arange(2) == np.where(wrong, 1 - labels, labels)[:, None], 0.8, 0.2).astype(np.float32)
    few = np.where(np.arange(400) < 395, np.arange(400) // 4 % 2, 2)
    table = Groups(f"{EVIL}.csv", np.arange(400), (
        Attribute(EVIL, ("left", EVIL), side), Attribute("age", ("9", "10", "rare"), few),
        Attribute("one", ("same",), np.where(np.arange(400) < 390, 0, -1)),
    ))  # fmt: skip
    doubts = random.random(400) < 0.1 if uncertain else None
    report = score_groups(labels, scores, table, ("happy", EVIL), uncertain=doubts, resamples=99)
    lit = score_light(labels[:9], np.zeros((9, 4, 4), np.uint8), lambda faces: Answers(scores[:9]))
    found = {
        **asdict(score(labels, scores, ("happy", EVIL))), "model": EVIL, "data": EVIL, "split": "val", "views": 2,
        "without_duplicates": None, "fer_plus": None, "groups": asdict(report) if groups else None,
        "light": asdict(lit) if light else None, "left_out": "audit.csv", "reading": "people", "num_parameters": 7,
        "trained_by": {"commit": None, "recipe": {}}, "mien": "0.1.0",
    }  # fmt: skip
    again: dict[str, Any] = json.loads(json.dumps(found))
    return again


@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize("uncertain", [True, False])
@pytest.mark.parametrize("light", [True, False])
def test_a_page_holds_it_all_and_nothing_from_elsewhere(light: bool, uncertain: bool, groups: bool) -> None:
    html = render(result(light=light, uncertain=uncertain, groups=groups))
    assert EVIL not in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert not re.search(r"\bnan\b|NaN|None", html)
    assert re.match(EVALUATION_TITLE, html.encode())
    assert ("left uncertain" in html) == (uncertain and groups)
    assert ("Less or more light" in html) == light
    assert ("The worst group of each attribute" in html) == groups
    assert "audit.csv" in html


def test_a_page_says_which_figures_are_of_which_reading() -> None:
    """Groups by people's reading, of 90 %, stood beneath an accuracy of 70 % that was fer2013's."""
    people, fer2013 = (render(result() | {"reading": reading}) for reading in ("people", "fer2013"))
    assert all(f"{part} (reading: fer2013)" in people for part in ("accuracy", "Confusion", "Expressions"))
    assert "The worst group of each attribute (reading: people)" in people
    assert "the share of people who would name the label" in people
    assert "Confusion (" not in fer2013
    assert "the share of people" not in fer2013


def test_a_gap_is_said_and_so_is_that_none_was_found() -> None:
    wide, none = result(worse=0.4)["groups"]["by_attribute"][0], result()["groups"]["by_attribute"][0]
    assert found_gap(wide)
    assert re.fullmatch(
        r"a gap: “<.*>” is \d+\.\d points \[\d+\.\d, \d+\.\d\] below “left”, p\s[=<]\s0\.\d{3}", verdict(wide)
    )
    assert not found_gap(none)
    assert verdict(none).startswith("no gap found: ")
    assert render(result(worse=0.4)).count('class="verdict found"') == 4  # and the pair, each by two figures


def test_the_first_card_says_the_worst_group_and_its_gap_by_each_figure() -> None:
    """It said the gap in accuracy alone, and of no group how accurate it is."""
    content = result(worse=0.4, uncertain=True)
    scores = content["groups"]["by_attribute"][0]
    scores["gaps"]["uncertain"] |= {"lowest": "left", "highest": EVIL, "p_adjusted": 0.9}
    card = render(content).partition("The worst group of each attribute")[2].partition("</section>")[0]
    head, first = (re.sub(r"<[^>]*>", " ", row).split() for row in re.findall(r"<tr>.*?</tr>", card)[:2])
    assert " ".join(head) == "accuracy standardised accuracy share left uncertain"
    said = " ".join(first)
    for figure, apart in (("accuracy", "below"), ("standardised", "below"), ("uncertain", "no gap found")):
        worst, gap = scores["by_group"][EVIL][figure], scores["gaps"][figure]["difference"]
        value, low, high = (f"{100 * worst[name]:.1f}" for name in ("value", "low", "high"))
        points = "{value:.1f} points [{low:.1f}, {high:.1f}]".format(**{key: 100 * gap[key] for key in gap})
        assert f"{value} % [{low}, {high}]" in said
        assert points in said
        assert apart in said
    assert "above “left”" in said


def test_what_is_too_small_is_named() -> None:
    groups = result()["groups"]
    age, one = groups["by_attribute"][1:3]
    assert not_shown(age, groups) == "not shown, fewer than 30 faces or 10 subjects: rare"
    assert verdict(one) == "nothing to compare: one group is large enough to be scored"
    assert "10 faces without a value" in render(result())
    many = {"too_small": [f"g{number}" for number in range(20)]}
    assert not_shown(many, groups).endswith("g6; g7 and 12 more")


def test_groups_that_are_all_too_small_have_a_page() -> None:
    content = result()
    for scores in content["groups"]["by_attribute"]:
        scores |= {"by_group": {}, "gaps": {}, "too_small": ["a"]}
    assert "nothing to compare: no group is large enough" in render(content)


def test_the_clearest_pair_is_named_where_it_is_another() -> None:
    scores = result(worse=0.4)["groups"]["by_attribute"][0]
    scores["gaps"]["accuracy"] |= {"clearest": ["a", "b"], "p_adjusted": 0.00001}
    assert verdict(scores).endswith("p\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}0.001; clearest: “a” below “b”")
