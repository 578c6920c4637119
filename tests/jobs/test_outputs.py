import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.analyzer import Analyzer
from mien.errors import InvalidInput
from mien.images import DRAWN_COMMENT, write_image
from mien.jobs.kinds import KINDS
from mien.jobs.outputs import OutputRefused, open_output, plan_outputs
from mien.jobs.sources import Source
from mien.records.sink import Header
from mien.values import Box, Detection, FrameResult, Image, VideoInfo

HEADER = Header(model="fake", detector="fake", labels=("dark", "bright"), explained=True)
GREY = np.full((8, 8, 3), 90, np.uint8)


def everywhere(image: Image) -> list[Detection]:
    """A fake that takes every picture for a face."""
    return [Detection(Box(0, 0, image.shape[1], image.shape[0]), 1.0)]


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """Two pictures and a video, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/b.png"):
        write_image(Path(name), GREY)
    Path("in/talk.mov").write_bytes(b"a video")
    names = ("a.png", "b.png", "talk.mov")
    return [Source(f"in/{name}", Path("in", name), Path(name), is_video=name.endswith("mov")) for name in names]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.sink)
def test_every_kind_names_a_class_that_refuses_nothing_it_should_write(kind: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    sink = kind.load()(tmp_path / f"out{kind.suffixes[0]}", HEADER)
    assert isinstance(sink.wants_images, bool)
    (tmp_path / "foreign").write_bytes(b"somebody's own\n")
    assert not kind.load().replaces(tmp_path / "foreign")


def test_tables_hold_all_sources_and_drawings_are_one_each(sources: list[Source]) -> None:
    plan = plan_outputs({"csv": Path("all.csv"), "annotate": Path("out"), "events": Path("e.csv")}, sources, HEADER)
    assert [(kind.name, path.as_posix()) for kind, path in plan.tables] == [("csv", "all.csv"), ("events", "e.csv")]
    assert [[path.as_posix() for _, path in own] for own in plan.own] == [
        ["out/a.png"],
        ["out/b.png"],
        ["out/talk.mp4"],
    ]


def test_one_source_is_drawn_into_a_file_or_a_folder(sources: list[Source]) -> None:
    for wanted, place in (("result.jpg", "result.jpg"), ("out", "out/a.png")):
        plan = plan_outputs({"annotate": Path(wanted)}, sources[:1], HEADER)
        assert [path.as_posix() for _, path in plan.own[0]] == [place]


@pytest.mark.parametrize(
    ("wanted", "chosen", "message"),
    [
        ({"csv": "table.xlsx"}, slice(None), r"ends in \.csv"),
        ({"json": "table.csv"}, slice(None), r"ends in \.json"),
        ({"annotate": "result.jpg"}, slice(None), "cannot be written|several inputs need a folder|folder"),
        ({"annotate": "in"}, slice(None), "is the folder of in/a.png"),
        ({"annotate": "result.txt"}, slice(0, 1), "expected a folder, or a file that ends in"),
        ({"annotate": "all.mp4"}, slice(None), "is a file's name; several inputs need a folder"),
        ({"annotate": "-"}, slice(0, 1), "cannot go to standard output"),
        ({"parquet": "-"}, slice(None), "cannot go to standard output"),
        ({"csv": "-", "json": "-"}, slice(None), "goes to standard output already"),
        ({"csv": "same.csv", "events": "./same.csv"}, slice(None), "is also that of --csv"),
        ({"events": "e.csv"}, slice(0, 2), "needs a video; there is none"),
        ({"csv": "in"}, slice(None), "is a folder"),
        ({"csv": "in/a.png/x.csv"}, slice(None), "is a file and no folder"),
        ({"unheard-of": "x"}, slice(None), "there is no output 'unheard-of'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_the_work(
    sources: list[Source], wanted: dict[str, str], chosen: slice, message: str
) -> None:
    Path("result.jpg").write_bytes(b"")
    with pytest.raises(OutputRefused, match=message):
        plan_outputs({name: Path(path) for name, path in wanted.items()}, sources[chosen], HEADER)


@pytest.mark.parametrize(
    ("chosen", "place", "tables", "own"),
    [
        (slice(None), "pages", ["pages/index.html"], ["pages/talk.html"]),
        (slice(2, 3), "pages", ["pages/index.html"], ["pages/talk.html"]),
        (slice(2, 3), "page.html", [], ["page.html"]),
        (slice(0, 2), "page.html", ["page.html"], []),
        (slice(0, 2), "pages", ["pages/index.html"], []),
        (slice(0, 1), "page.html", ["page.html"], []),
    ],
)
def test_a_report_is_a_page_for_each_video_and_one_of_all(
    sources: list[Source], chosen: slice, place: str, tables: list[str], own: list[str]
) -> None:
    plan = plan_outputs({"report": Path(place)}, sources[chosen], HEADER)
    assert [path.as_posix() for _, path in plan.tables] == tables
    assert [path.as_posix() for each in plan.own for _, path in each] == own


def test_a_video_called_index_does_not_take_the_place_of_the_index(sources: list[Source]) -> None:
    videos = [Source(f"in/{name}", Path("in", name), Path(name), is_video=True) for name in ("Index.mp4", "b.mp4")]
    plan = plan_outputs({"report": Path("pages")}, videos, HEADER)
    assert [path.as_posix() for each in plan.own for _, path in each] == ["pages/Index-2.html", "pages/b.html"]
    assert [path.as_posix() for _, path in plan.tables] == ["pages/index.html"]


@pytest.mark.parametrize(
    ("place", "message"),
    [("pages.html", "several inputs need a folder"), ("-", "cannot go to standard output")],
)
def test_a_report_of_videos_and_pictures_needs_a_folder(sources: list[Source], place: str, message: str) -> None:
    for chosen in (sources, sources[:2] if place == "-" else sources[1:]):
        with pytest.raises(OutputRefused, match=message):
            plan_outputs({"report": Path(place)}, chosen, HEADER)


@pytest.mark.parametrize("link", ["name", "symbolic", "hard"])
def test_no_output_overwrites_an_input_by_whatever_name(sources: list[Source], link: str) -> None:
    Path("in/data.csv").write_text("my own data\n")
    inputs = [*sources, Source("in/data.csv", Path("in/data.csv"), Path("data.csv"), is_video=True)]
    output = Path("in/data.csv") if link == "name" else Path("out.csv")
    if link == "symbolic":
        output.symlink_to("in/data.csv")
    if link == "hard":
        os.link("in/data.csv", output)
    with pytest.raises(OutputRefused, match="is an input"):
        plan_outputs({"csv": output}, inputs, HEADER)


def test_the_model_is_an_input_too(sources: list[Source]) -> None:
    Path("m.csv").write_bytes(b"a model")
    header = Header(model="m.csv", detector="fake", labels=("dark", "bright"))
    with pytest.raises(OutputRefused, match="is an input"):
        plan_outputs({"csv": Path("m.csv")}, sources, header)


def test_a_drawing_replaces_only_what_mien_drew(sources: list[Source]) -> None:
    write_image(Path("out/a.png"), GREY)
    with pytest.raises(OutputRefused, match=r"out/a\.png is there already and was not written by mien"):
        plan_outputs({"annotate": Path("out")}, sources, HEADER)
    write_image(Path("out/a.png"), GREY, comment=DRAWN_COMMENT)
    assert plan_outputs({"annotate": Path("out")}, sources, HEADER).own[0][0][1] == Path("out/a.png")


def test_a_table_replaces_only_an_earlier_table(sources: list[Source], brightness: Any) -> None:
    Path("t.csv").write_text("name,age\nme,3\n")
    with pytest.raises(OutputRefused, match="was not written by mien"):
        plan_outputs({"csv": Path("t.csv")}, sources, HEADER)
    Path("t.csv").unlink()
    for _ in range(2):
        with open_output("t.csv", Analyzer(brightness, everywhere)) as output:
            output.write(FrameResult(source="a.png", width=8, height=8))
    plan_outputs({"csv": Path("t.csv")}, sources, HEADER)


def test_a_table_that_somebody_extended_is_not_replaced(sources: list[Source], brightness: Any) -> None:
    with open_output("t.csv", Analyzer(brightness, everywhere)) as output:
        output.write(FrameResult(source="a.png", width=8, height=8))
    head, *rest = Path("t.csv").read_text().splitlines()
    Path("t.csv").write_text("\n".join([f"{head},notes", *rest]))
    with pytest.raises(OutputRefused, match="was not written by mien"):
        plan_outputs({"csv": Path("t.csv")}, sources, HEADER)


def test_no_detour_leads_around_the_check(sources: list[Source]) -> None:
    Path("mine.csv").write_text("my own\n")
    with pytest.raises(OutputRefused, match="was not written by mien"):
        plan_outputs({"csv": Path("not-yet/../mine.csv")}, sources, HEADER)


@pytest.mark.parametrize("label", ["time", "frame", "quality", "label", "width", "source", "error", "raw_bright"])
def test_a_class_named_as_a_column_is_refused_before_an_old_table_is_touched(sources: list[Source], label: str) -> None:
    Path("old.csv").write_text("source,frame,time,width,height,face,old,error\n")
    header = Header(model="fake", detector="fake", labels=("bright", label))
    with pytest.raises(OutputRefused, match=f"its label '{label}' is also the name of another column"):
        plan_outputs({"csv": Path("old.csv")}, sources, header)
    assert Path("old.csv").read_text().endswith("error\n")


def test_an_output_for_a_loop_of_ones_own(tmp_path: Path, brightness: Any) -> None:
    analyzer = Analyzer(brightness, everywhere)
    with open_output(tmp_path / "faces.csv", analyzer) as output:
        for result in analyzer.stream([]):
            output.write(result)
        output.write(FrameResult(source="v.mp4", index=3, time=0.5, width=8, height=6, video=VideoInfo()))
    with (tmp_path / "faces.csv").open(newline="") as file:
        assert [(row["source"], row["frame"], row["time"]) for row in csv.DictReader(file)] == [("v.mp4", "3", "0.5")]
    with pytest.raises(OutputRefused, match="no kind of output"):
        open_output(tmp_path / "faces.xlsx", analyzer)


@pytest.mark.parametrize("name", ["drawn.png", "drawn.mp4"])
def test_a_drawing_without_images_is_refused_at_once(tmp_path: Path, brightness: Any, name: str) -> None:
    with (
        pytest.raises(InvalidInput, match="images=True"),
        open_output(tmp_path / name, Analyzer(brightness, everywhere)) as output,
    ):
        output.write(FrameResult(source="v.mp4", width=8, height=6, video=VideoInfo()))
