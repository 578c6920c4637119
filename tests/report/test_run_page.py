import re
from pathlib import Path

import numpy as np
import pytest

from mien.evaluation.evaluate import score
from mien.evaluation.metrics import calibration_bins
from mien.report.run_page import Measured, Mistake, RunPage, render, write_page

EVIL = "<script>alert(1)</script>"


def lines(num: int) -> list[dict[str, object]]:
    return [
        {"epoch": epoch, "learning_rate": 0.1, "train_loss": 2 / epoch, "train_accuracy": 0.5, "val_loss": 1.5 / epoch,
         "val_accuracy": 0.4, "plain_train_loss": 1 / epoch, "plain_train_accuracy": 0.6, "seconds": 40.0,
         "kept": "a.pt" if epoch == 1 else None}
        for epoch in range(1, num + 1)
    ]  # fmt: skip


def measured(names: tuple[str, ...]) -> Measured:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(names), 60)
    scores = rng.dirichlet(np.ones(len(names)), 60).astype(np.float32)
    card = score(labels, scores, names)
    counts, sure, right = calibration_bins(labels, scores)
    face = rng.integers(0, 255, (48, 48), dtype=np.uint8)
    mistake = Mistake(face=face, label=names[0], predicted=names[1], confidence=0.9, source=EVIL)
    bins = counts.tolist(), sure.tolist(), right.tolist()
    return Measured(epoch=3, scorecard=card, bins=bins, mistakes=[mistake])


def page(num_epochs: int = 3, names: tuple[str, ...] = ("happy", "sad"), status: str = "finished") -> RunPage:
    return RunPage(
        title=EVIL,
        status=status,
        recipe={"epochs": 10, "augmentation": {"flip": True}},
        about={"data": {"name": EVIL}},
        epochs=lines(num_epochs),
        measured=measured(names) if num_epochs else None,
        drawing="<svg></svg>",
        layers=[["features.0", "convolution 3×3", "8×46×46", "72", "152,352"]],
        kept=["a.pt"],
    )


@pytest.mark.parametrize("num_epochs", [0, 1, 2, 300])
@pytest.mark.parametrize("names", [("a", "b"), tuple("abcdefghi"), ("happy", EVIL)])
def test_a_page_holds_it_all_and_nothing_from_elsewhere(num_epochs: int, names: tuple[str, ...]) -> None:
    html = render(page(num_epochs, names))
    assert EVIL not in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "NaN" not in html
    assert "nan" not in re.sub(r"[A-Za-z]*nan[A-Za-z]+", "", html)
    assert "augmentation.flip" in html
    assert ("Confusion" in html) == bool(num_epochs)
    assert html.count("<figure>") == (1 if num_epochs else 0)


def test_the_headlines_are_the_figures() -> None:
    card = page()
    html = render(card)
    assert card.measured is not None
    assert f"{card.measured.scorecard.accuracy:.2%}" in html
    assert "+20.0" in html, "the gap between training and validation"


def test_a_page_reloads_only_while_the_training_runs() -> None:
    assert 'http-equiv="refresh"' in render(page(status="running"))
    assert "left" in render(page(status="running"))
    assert "refresh" not in render(page())


def test_old_runs_without_the_plain_curve_have_a_page(tmp_path: Path) -> None:
    old = page()
    for line in old.epochs:
        del line["plain_train_loss"], line["plain_train_accuracy"]
    write_page(old, tmp_path / "page.html")
    assert "as trained on" in (tmp_path / "page.html").read_text()
