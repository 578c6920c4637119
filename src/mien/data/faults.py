"""Reporting everything that is wrong with a data set at once, instead of the first thing only."""

from mien.errors import DataError

_SHOWN = 10


class Faults:
    """The bad rows or files of one data set: the first ten in full, the rest as a number.

    Args:
        source: The file or folder that is being read.
        things: What is at fault, in the plural: "rows", "files".
    """

    def __init__(self, source: str, things: str) -> None:
        self._source = source
        self._things = things
        self._shown: list[str] = []
        self._count = 0

    def add(self, fault: str) -> None:
        """Add one fault: where it is, what was expected and what came."""
        self._count += 1
        if self._count <= _SHOWN:
            self._shown.append(fault)

    def raise_if_any(self) -> None:
        """
        Raises:
            DataError: There are faults.
        """
        if not self._count:
            return
        if self._count == 1:
            raise DataError(self._shown[0])
        hidden = self._count - len(self._shown)
        lines = [
            f"{self._source}: {self._count:,} {self._things} cannot be used:",
            *self._shown,
        ]
        if hidden:
            lines.append(f"… and {hidden:,} more")
        raise DataError("\n  ".join(lines))


def quoted(value: bytes | str, longest: int = 40) -> str:
    """`value` for a message: in quotes, on one line, and never long."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    return repr(text if len(text) <= longest else text[:longest] + "…")
