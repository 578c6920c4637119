import re
from collections.abc import Callable

import numpy as np
import pytest

from mien.data import FaceSet
from mien.report.run_page import (
    LEAST_PATIENCE,
    NUM_MISTAKES,
    Layer,
    Measured,
    State,
    _line_chart,
    render,
)  # fmt: skip

EVIL = "<script>alert(1)</script>"


def lines(num: int, loss: float = 1.5) -> list[dict[str, object]]:
    return [
        {"epoch": epoch, "learning_rate": 0.1, "train_loss": 2 / epoch, "train_accuracy": 0.5, "val_loss": loss / epoch,
         "val_accuracy": 0.4, "plain_train_loss": 1 / epoch, "plain_train_accuracy": 0.6, "seconds": 40.0,
         "kept": "a.pt" if epoch == 1 else None}
        for epoch in range(1, num + 1)
    ]  # fmt: skip


def measured(names: tuple[str, ...], num_wrong: int) -> Measured:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(len(names)), 60).astype(np.float32)
    predicted = scores.argmax(1)
    labels = np.where(np.arange(60) < num_wrong, (predicted + 1) % len(names), predicted)
    split = FaceSet(
        name="faces",
        faces=rng.integers(0, 255, (60, 40, 40), dtype=np.uint8),
        classes=names,
        labels=labels,
        splits=np.full(60, "val"),
        sources=[f"{EVIL}:{number}" for number in range(60)],
    )
    return Measured(epoch=3, split=split, scores=scores)


def page(
    num_epochs: int = 3,
    names: tuple[str, ...] = ("happy", "sad"),
    *,
    state: State = "finished",
    num_wrong: int = 1,
    plain: bool = True,
) -> str:
    return render(
        title=EVIL,
        state=state,
        recipe={"epochs": 10, "image_size": 48, "augmentation": {"flip": True}},
        about={"data": {"name": EVIL}},
        epochs=[
            {name: value for name, value in line.items() if plain or "plain" not in name} for line in lines(num_epochs)
        ],
        measured=measured(names, num_wrong) if num_epochs else None,
        layers=[Layer("", "grey face", (1, 48, 48)), Layer("features.0", EVIL, (8, 46, 46), 72, 152_352)],
    )


@pytest.mark.parametrize("num_epochs", [0, 1, 2, 300])
@pytest.mark.parametrize("names", [("a", "b"), tuple("abcdefghi"), ("happy", EVIL)])
def test_a_page_holds_it_all_and_nothing_from_elsewhere(num_epochs: int, names: tuple[str, ...]) -> None:
    html = page(num_epochs, names)
    assert EVIL not in html
    assert not re.search(r'(src|href)="(?!data:)', html)
    assert "NaN" not in html
    assert "nan" not in re.sub(r"[A-Za-z]*nan[A-Za-z]+", "", html)
    assert "augmentation.flip" in html
    assert ("Confusion" in html) == bool(num_epochs)
    assert html.count("<figure>") == (1 if num_epochs else 0)


def test_the_headlines_are_the_figures() -> None:
    html = page(num_wrong=6)
    assert "90.00%" in html
    assert "+20.0" in html, "the gap between training and validation"


@pytest.mark.parametrize("num_wrong", [0, 3, 60])
def test_the_most_confident_mistakes_come_first_and_are_no_more_than_fit(num_wrong: int) -> None:
    html = page(num_wrong=num_wrong)
    sure = [int(found) for found in re.findall(r"<figcaption><b>\w+ (\d+)%", html)]
    assert len(sure) == min(num_wrong, NUM_MISTAKES)
    assert sure == sorted(sure, reverse=True)


def test_layers_have_shapes_figures_and_bars_and_models_are_listed() -> None:
    html = page()
    assert "8×46×46" in html
    assert "72 parameters, 152,352 multiplications a face" in html
    assert 'width:100%"></i>' in html
    assert "<li>a.pt</li>" in html


def test_a_page_reloads_only_while_the_training_runs() -> None:
    assert 'http-equiv="refresh"' in page(state="running")
    assert "left" in page(state="running")
    assert "refresh" not in page()


def test_old_runs_without_the_plain_curve_have_a_page() -> None:
    assert "as trained on" in page(plain=False)
    assert "training faces as they are" not in page(plain=False)


def test_long_labels_have_the_room_that_they_need() -> None:
    """Fault 38: they were clipped at the left."""
    chart = _line_chart([dict(line) for line in lines(5, loss=90_000.0)], "loss")
    texts = [(int(x), label) for x, label in re.findall(r'<text x="(\d+)"[^>]*text-anchor="end">(.*?)<', chart)]
    assert ("80,000" in [label for _, label in texts]) or ("50,000" in [label for _, label in texts])
    assert all(x >= 7 * len(label) for x, label in texts)


def test_the_labels_of_the_reliability_diagram_fit() -> None:
    """Fault 38: "100%" was cut off at the right."""
    (diagram,) = re.findall(r'<svg class="chart" (?:(?!</svg>).)*aria-label="reliability diagram".*?</svg>', page())
    (width,) = re.findall(r'viewBox="0 0 (\d+)', diagram)
    labels = re.findall(r'<text x="(\d+)"[^>]*text-anchor="middle">(.*?)<', diagram)
    assert labels[-1][1] == "100%"
    assert all(int(x) + 5 * len(label) <= int(width) for x, label in labels), "a character is up to 10 wide"


def test_the_page_of_a_killed_training_stops_saying_that_it_runs() -> None:
    """Fault 38: by its script, as nobody writes the page any more."""
    running = page(state="running")
    (patience,) = re.findall(r'data-written="\d+" data-patience="(\d+)"', running)
    assert int(patience) == LEAST_PATIENCE + 3 * 40
    assert "no news since" in running
    assert re.search(r"running at \d\d:\d\d on \d{4}-", running), "true without a script too"
    for state in ("finished", "stopped"):
        assert f'<span class="pill">{state}</span>' in page(state=state)
        assert "no news since" not in page(state=state)


def test_the_page_of_a_killed_training_tells_no_time_left(run_script: Callable[..., str]) -> None:
    page = """
        globalThis.found = { dataset: { written: 0, patience: 300 }, classList: { remove: () => {} } };
        const notes = ["of 10", "13 s left"].map(textContent => ({ textContent }));
        globalThis.document = { querySelector: () => found, querySelectorAll: () => notes };
        globalThis.setInterval = () => {};
    """
    shown = run_script(page, "run_page.js", "console.log(notes.map(note => note.textContent).join())")
    assert shown == "of 10,"
