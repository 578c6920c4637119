import os
import pickle
from collections import deque

import numpy as np
import pytest

from mien.errors import InvalidInput
from mien.tracking.snapshot import freeze, thaw
from mien.values import Box, Detection


def test_values_and_arrays_come_back() -> None:
    detection = Detection(Box(1, 2, 3, 4), 0.5, np.arange(10, dtype=np.float32).reshape(5, 2))
    state = {"box": detection.box, "detection": detection, "queue": deque([1.5, None]), "numbers": np.float32(2)}
    back = thaw(freeze(state))
    assert back["box"] == detection.box
    assert back["detection"].landmarks.tolist() == detection.landmarks.tolist()  # type: ignore[union-attr]
    assert back["queue"] == deque([1.5, None])
    assert back["numbers"] == 2


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize("content", [pickle.dumps(Evil()), pickle.dumps(os.getcwd), b"", b"rubbish", freeze([1])[:-3]])
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="no state of mien's"):
        thaw(content)


def test_not_even_functions_of_miens_own_are_found() -> None:
    with pytest.raises(InvalidInput, match="not allowed"):
        thaw(pickle.dumps(freeze))
