"""Reporting everything that is wrong with a data set at once, instead of the first thing only."""

from bisect import insort

from mien.errors import DataError

_SHOWN = 10


class Faults:
    """The bad rows or files of one data set: the first ten in full, the rest as a number.

    Args:
        source: the file or folder that is being read.
        things: what the faults are about, in the plural: "rows", "files".
    """

    def __init__(self, source: str, things: str) -> None:
        self._source = source
        self._things = things
        self._shown: list[tuple[int, str]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, fault: str, place: int = 0) -> None:
        """Note one fault.

        Args:
            fault: where it is, what was expected and what came.
            place: the number of its line; faults are shown by it, then in the order they came.
        """
        self._count += 1
        insort(self._shown, (place, fault), key=lambda each: each[0])
        del self._shown[_SHOWN:]

    def raise_if_any(self) -> None:
        """
        Raises:
            DataError: something was added.
        """
        if not self._count:
            return
        if self._count == 1:
            raise DataError(self._shown[0][1])
        hidden = self._count - len(self._shown)
        lines = [
            f"{self._source}: {self._count:,} {self._things} cannot be used:",
            *(fault for _, fault in self._shown),
        ]
        if hidden:
            lines.append(f"… and {hidden:,} more")
        raise DataError("\n  ".join(lines))


def quoted(value: bytes | str, longest: int = 40) -> str:
    """`value` for a message: in quotes, on one line, and never long."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return repr(text if len(text) <= longest else text[:longest] + "…")
