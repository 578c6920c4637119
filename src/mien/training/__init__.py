"""Training networks and exporting them: the only room that imports torch.

Importing it without the extra raises `MissingExtra` with the exact install command.
"""

from mien.errors import MissingExtra

try:
    import torch  # noqa: F401 - asked for here once, so that no other file of the room has to
except ModuleNotFoundError as error:
    raise MissingExtra("Training", "train") from error
