"""People whom somebody knows to be one: one number for several, in all results of a video."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mien.errors import InvalidInput
from mien.values import Failure, FrameResult

_LOG: Final = logging.getLogger("mien")

Groups = Sequence[Sequence[int]]
"""Numbers of one person each; the first of a group is the one that remains."""


def check_groups(groups: Groups) -> None:
    """`InvalidInput` says which group cannot be one person's numbers, and why."""
    for group in groups:
        if len(group) < 2 or not all(isinstance(number, int) and number > 0 for number in group):
            raise InvalidInput(f"merge takes two or more numbers of one person, as in 1,3; got {_text(group)}")
    again = [number for number, times in Counter(number for group in groups for number in group).items() if times > 1]
    if again:
        raise InvalidInput(f"merge names person {again[0]} twice; give all numbers of one person together, as in 1,3,7")


def merged(results: Iterable[FrameResult | Failure], groups: Groups) -> Iterator[FrameResult | Failure]:
    """The results of one video, with all people of a group under the group's first number.

        >>> for result in merged(analyzer.stream("talk.mp4", end=0.04), [(2, 1)]):
        ...     print([face.track_id for face in result.faces])
        [2]

    Two of a group in one frame are two people: there both keep their own numbers. At the end the logger "mien" warns of
    that, and of numbers that nobody has.
    """
    first = {number: group[0] for group in groups for number in group}
    seen: set[int] = set()
    together: dict[int, list[int]] = {number: [] for number in first.values()}
    source = ""
    for result in results:
        if not isinstance(result, FrameResult):
            yield result
            continue
        source = result.source
        numbers = [face.track_id or 0 for face in result.faces]
        times = Counter(first.get(number) for number in numbers)
        seen.update(numbers)
        for number in together:
            together[number] += [result.index] if times[number] > 1 else []
        yield replace(
            result,
            faces=tuple(
                replace(face, track_id=first[number]) if number in first and times[first[number]] == 1 else face
                for face, number in zip(result.faces, numbers, strict=True)
            ),
        )
    for note in _notes(groups, seen, together) if source else ():
        _LOG.warning("%s: %s", source, note)


def _notes(groups: Groups, seen: Collection[int], together: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """What could not be merged, for people; `together` has the frames in which several of a group are."""
    for group in groups:
        missing = [str(number) for number in group if number not in seen]
        if missing:
            yield f"--merge {_text(group)}: there is no person {' or '.join(missing)}"
        if frames := together[group[0]]:
            yield (
                f"--merge {_text(group)}: frames that show more than one of them: {len(frames):,}, the first is frame "
                f"{frames[0]}; so they are different people, and each keeps its own number there"
            )


def _text(group: Sequence[object]) -> str:
    return ",".join(map(str, group))
