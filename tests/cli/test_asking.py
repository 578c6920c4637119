import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from mien.cli.asking import parse_prior

Run = Callable[..., tuple[int, str, str]]


def test_a_prior_is_a_name_or_shares() -> None:
    assert parse_prior(None) is None
    assert parse_prior("even") == "even"
    assert parse_prior("happy=3, neutral = .5") == {"happy": 3, "neutral": 0.5}


@pytest.mark.parametrize("text", ["happy=", "happy=3,neutral", "=3", "happy=-1", "happy=3,,neutral=1"])
def test_what_are_no_shares_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a share for each of several labels"):
        parse_prior(text)


def test_records_say_whose_answer_under_which_prior(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    options = ("--prior", "neutral=3,sad=1", "--labels", "ferplus")
    assert run_mien("analyze", astronaut, "--json", file, *options)[0] == 0
    document = json.loads(file.read_text())
    assert document["reading"] == "people"
    assert (document["prior"]["neutral"], document["prior"]["sad"]) == (0.75, 0.25)
    (face,) = document["results"][0]["faces"]
    assert (face["reading"], face["label"]) == ("people", "neutral")
    assert "contempt" in face["scores"]
    assert face["valence"] is None


def test_the_reading_of_fer2013_is_that_of_the_file(run_mien: Run, astronaut: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    assert run_mien("analyze", astronaut, "--json", file, "--reading", "fer2013")[0] == 0
    document = json.loads(file.read_text())
    assert (document["reading"], document["prior"]) == ("fer2013", None)
    assert document["results"][0]["faces"][0]["scores"]["happy"] == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(
    ("option", "value", "fault"),
    [
        ("--reading", "mine", "--reading: reading is one of people, fer2013"),
        ("--prior", "odd", "--prior: prior is halfway, natural, even"),
        ("--prior", "bored=1", "--prior: prior has a share for 'bored'"),
        ("--labels", "nine", "--labels: labels are seven or ferplus"),
    ],
)
def test_a_wrong_option_is_named(run_mien: Run, astronaut: Path, option: str, value: str, fault: str) -> None:
    status, _, err = run_mien("analyze", astronaut, option, value)
    assert status == 2
    assert fault in " ".join(err.replace("│", " ").split())
