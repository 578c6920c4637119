from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from rich.progress import Progress, TextColumn
from rich.text import Text

from mien.cli.console import complain, err, note, seconds, styles_of, table_with, tell
from mien.emotions import colours_of


def test_labels_of_ones_own_differ_in_the_terminal_as_in_drawings() -> None:
    """Fault 14: each label was drawn without knowing of the others, so all had one colour."""
    labels = ("bored", "busy", "happy", "curious")
    styles = styles_of(labels)
    assert len({styles[label] for label in labels}) == len(labels)
    assert styles["busy"] == "rgb({},{},{})".format(*colours_of(labels)["busy"])


@pytest.mark.parametrize("print_line", [tell, note, complain])
def test_terminal_escapes_are_shown_and_not_obeyed(
    print_line: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault 54: names of files, labels and answers of servers could clear the screen, or write its title."""
    print_line("a\x1b[2Jb\x9b2J\x07\tc\rd\n")
    shown = "".join(capsys.readouterr())
    assert r"a\x1b[2Jb\x9b2J" in shown
    assert not set(shown) & {"\x1b", "\x9b", "\x07", "\r"}


def test_terminal_escapes_in_tables_titles_and_bars_are_not_obeyed() -> None:
    hostile = "\x1b]0;x\x07"
    table = table_with(f"column{hostile}", left=(), title=f"title{hostile}")
    table.add_row(f"cell{hostile}")
    bar = Progress(TextColumn("{task.description}", markup=False), console=err)
    bar.add_task(f"bar{hostile}", total=1)
    for each in (table, bar.get_renderable(), Text(f"text{hostile}", "bold")):
        shown = "".join(segment.text for segment in err.render(each))
        assert r"\x1b" in shown
        assert "\x1b" not in shown


def test_styles_still_reach_a_terminal() -> None:
    screen = type(err)(force_terminal=True, color_system="truecolor", legacy_windows=False)
    with screen.capture() as captured:
        screen.print(Text("happy\x1b", "bold"))
    assert captured.get() == "\x1b[1mhappy\\x1b\x1b[0m\n"


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
    status, _, err = run_mien(*words, "3s" if words[-1] == "--smoothing-seconds" else "1:30")
    assert (status, "x.mp4" in err) == (1, True), "the time is taken, and then there is no such file"
    status, _, err = run_mien(*words, "soon")
    assert status == 2
    assert f"'{words[-1]}': expected a time" in err
