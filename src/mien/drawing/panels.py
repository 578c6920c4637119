"""What a face shows, as patches: a panel with a bar for every probability, and two smaller forms."""

from functools import lru_cache
from typing import Final

import numpy as np

from mien.drawing.patches import PALE, WHITE, Colour, Patch, background, bar, blend, read_only, text
from mien.emotions import UNCLEAR_COLOUR, colours_of
from mien.values import Face

_LOW_QUALITY: Final = 40  # a quality below this is shown in the colour of a warning
_WARNING: Final = (240, 130, 50)


def panel(face: Face, size: int) -> "Panel":
    """The panel for a face's labels in that font size in pixels, with a row for the quality where it was measured."""
    return _panel(face.prediction.labels, size, face.quality is not None)


def chip(face: Face, title: str, size: int, *, with_percent: bool) -> Patch:
    """The compact form: the title, perhaps with its percentage, above a strip of all probabilities."""
    words = [text(title, size, PALE if face.uncertain else WHITE)]
    if with_percent and not face.uncertain:
        words.append(text(_percent(face.scores[face.label]), size, PALE))
    padding, gap, strip_height = round(0.5 * size), round(0.35 * size), max(3, round(0.28 * size))
    inner = sum(word.shape[1] for word in words) + gap * (len(words) - 1)
    height = padding // 2 + words[0].shape[0] + strip_height + padding
    patch = background(inner + 2 * padding, height, round(0.45 * size)).copy()
    left = padding
    for word in words:
        blend(patch, word, left, padding // 2)
        left += word.shape[1] + gap
    blend(patch, score_strip(face, inner, strip_height), padding, height - round(0.7 * padding) - strip_height)
    return patch


def score_strip(face: Face, width: int, height: int) -> Patch:
    """One bar shared out among the labels by their probabilities, in their order."""
    labels, scores = face.prediction.labels, face.prediction.scores
    by_label = colours_of(labels)
    colours = np.array([by_label[label] for label in labels], np.uint8)
    ends = np.cumsum(scores, dtype=np.float64)
    shares = np.minimum(np.searchsorted(ends, (np.arange(width) + 0.5) / width), len(colours) - 1)
    opacity = bar(width, height, WHITE)[..., 3:]
    return np.concatenate([(colours[shares] * (opacity / 255.0)).astype(np.uint8), opacity], axis=2)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


class Panel:
    """A title, a bar with its percentage for each probability, and perhaps one for the quality.

    Attributes:
        patch: The panel without a face: background, names of the rows, empty bars.
    """

    def __init__(self, labels: tuple[str, ...], size: int, with_quality: bool) -> None:
        rows = (*labels, "quality") if with_quality else labels
        self._size, self._title_size = size, round(1.2 * size)
        self._padding, self._gap = round(0.8 * size), round(0.5 * size)
        self._title_top = round(0.55 * self._padding)
        text_height = text("x", size, PALE).shape[0]
        top = self._title_top + text("x", self._title_size, WHITE).shape[0] + round(0.15 * size)
        row_height = max(text_height, round(1.3 * size))
        self._tops = [top + row * row_height for row in range(len(labels))]
        if with_quality:  # a little apart from the labels
            self._tops.append(top + len(labels) * row_height + round(0.4 * size))
        self._bar_left = self._padding + max(text(row, size, WHITE).shape[1] for row in rows) + self._gap
        self._bar_width, self._bar_height = round(4.6 * size), max(3, round(0.42 * size))
        self._bar_offset = (text_height - self._bar_height + 1) // 2
        percent_width = text(_percent(1), size, WHITE).shape[1]
        width = self._bar_left + self._bar_width + self._gap + percent_width + self._padding
        height = self._tops[-1] + row_height + round(0.6 * self._padding)
        patch = background(width, height, round(0.6 * size)).copy()
        for name, top in zip(rows, self._tops, strict=True):
            blend(patch, text(name, size, PALE), self._padding, top)
            blend(patch, bar(self._bar_width, self._bar_height, WHITE, 0.13), self._bar_left, top + self._bar_offset)
        self.patch = read_only(patch)

    def filled(self, face: Face, title: str) -> Patch:
        """The panel of a face with these labels; `title` is its label, or "unclear", perhaps with a number.

        The label, or all those of the prediction set, are brighter than others.
        """
        patch = self.patch.copy()
        colours = colours_of(face.prediction.labels)
        sure = not face.uncertain
        words = text(title, self._title_size, WHITE if sure else PALE)
        dot = round(0.62 * self._title_size)
        middle = self._title_top + words.shape[0] // 2
        blend(patch, bar(dot, dot, colours[face.label] if sure else UNCLEAR_COLOUR), self._padding, middle - dot // 2)
        blend(patch, words, self._padding + dot + self._gap, self._title_top)
        if sure:
            percent = text(_percent(face.scores[face.label]), self._title_size, WHITE)
            self._blend_right(patch, percent, self._title_top)
        bright = face.prediction_set or ((face.label,) if sure else ())
        for top, (label, score) in zip(self._tops, face.scores.items(), strict=False):
            self._draw_row(patch, top, score, colours[label], WHITE if label in bright else PALE)
            if label in bright:
                blend(patch, text(label, self._size, WHITE), self._padding, top)
        if face.quality is not None:
            colour = PALE if face.quality.score >= _LOW_QUALITY else _WARNING
            self._draw_row(patch, self._tops[-1], face.quality.score / 100, colour, colour, unit="")
        return patch

    def _draw_row(
        self, patch: Patch, top: int, share: float, colour: Colour, text_colour: Colour, *, unit: str = "%"
    ) -> None:
        length = round(share * self._bar_width)
        if length:
            filled = bar(max(length, self._bar_height), self._bar_height, colour)
            blend(patch, filled, self._bar_left, top + self._bar_offset)
        self._blend_right(patch, text(f"{100 * share:.0f}{unit}", self._size, text_colour), top)

    def _blend_right(self, patch: Patch, words: Patch, top: int) -> None:
        blend(patch, words, patch.shape[1] - self._padding - words.shape[1], top)


_panel = lru_cache(maxsize=16)(Panel)
