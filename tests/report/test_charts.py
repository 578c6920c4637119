import re

import pytest

from mien.report.charts import Row, interval_chart, share_lines, tick_labels, ticks

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("low", "high", "percent", "labels"),
    [
        (500, 5400, False, ["0", "1,000", "2,000", "3,000", "4,000", "5,000", "6,000"]),
        (0.141, 0.1455, True, ["14.1 %", "14.2 %", "14.3 %", "14.4 %", "14.5 %", "14.6 %"]),
        (0.3, 0.9, True, ["20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0.5, 1.5, False, ["0.4", "0.6", "0.8", "1.0", "1.2", "1.4", "1.6"]),
        (1e8, 4e8, False, ["1e+08", "2e+08", "3e+08", "4e+08"]),
        (0.5, 0.5, True, None),
    ],
)
def test_the_ticks_of_an_axis_differ_and_fit(low: float, high: float, percent: bool, labels: list[str] | None) -> None:
    """Fault 38."""
    found = tick_labels(ticks(low, high), percent=percent)
    assert len(set(found)) == len(found)
    assert labels is None or found == labels


def test_intervals_stay_in_the_picture_and_names_are_text() -> None:
    rows = [Row(EVIL, "n = 30", 0.01, 0.0, 0.03, 0.02), Row("b" * 200, "n = 1,000,000", 0.99, 0.97, 1.0)]
    svg = interval_chart(rows, 0.5, EVIL)
    assert EVIL not in svg
    assert svg.count('class="dot"') == 2
    assert svg.count('class="hollow"') == 1
    places = [float(x) for x in re.findall(r'(?:cx|x1|x2)="([-\d.]+)"', svg)]
    assert min(places) > 0
    assert max(places) < 460
    assert "b" * 30 not in re.sub("<title>.*?</title>", "", svg)


def test_a_single_group_without_any_error_has_a_chart() -> None:
    assert "nan" not in interval_chart([Row("all", "n = 30", 1.0, 1.0, 1.0, 1.0)], 1.0, "accuracy")


def test_lines_of_shares_go_from_edge_to_edge() -> None:
    svg = share_lines(["-1", "0"], {EVIL: ("red", [0.0, 1.0])}, "light")
    assert EVIL not in svg
    assert 'points="48.0,246.0 546.0,12.0"' in svg
