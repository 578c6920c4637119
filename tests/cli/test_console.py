from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from mien.cli.console import seconds, styles_of
from mien.emotions import colours_of


def test_labels_of_ones_own_differ_in_the_terminal_as_in_drawings() -> None:
    """Fault 14: each label was drawn without knowing of the others, so all had one colour."""
    labels = ("bored", "busy", "happy", "curious")
    styles = styles_of(labels)
    assert len(set(styles.values())) == len(labels)
    assert styles["busy"] == "rgb({},{},{})".format(*colours_of(labels)["busy"])


Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("3s", 3), ("1.5s", 1.5), ("0.5 S", 0.5), (".5", 0.5), ("90", 90), ("1:30", 90), ("01:05.25", 65.25),
     ("75:00", 4500), ("1:02:03", 3723), ("0", 0), (2.5, 2.5)],
)  # fmt: skip
def test_times_as_people_write_them(text: str | float, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["", "s", "soon", "-1", "1:60", "1:60:00", "1:2:3:4", "1:", "1,5", "nan", "inf", "1e3"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"expected a time, as in 3, 1\.5s or 1:30; got"):
        seconds(text)


@pytest.mark.parametrize(
    "words",
    [["analyze", "x.mp4", "--start"], ["analyze", "x.mp4", "--end"], ["analyze", "x.mp4", "--baseline"],
     ["analyze", "x.mp4", "--smoothing-seconds"], ["live", "x.mp4", "--seconds"]],
    ids=lambda words: words[-1],
)  # fmt: skip
def test_every_option_that_takes_a_time_takes_it_so(
    run_mien: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, err = run_mien(*words, "1:30")
    assert (status, "x.mp4" in err) == (1, True), "the time is taken, and then there is no such file"
    status, _, err = run_mien(*words, "soon")
    assert status == 2
    assert f"'{words[-1]}': expected a time" in err
