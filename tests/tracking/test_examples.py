"""The examples in docstrings run and return what they show."""

import doctest
from types import ModuleType

import pytest

from mien.recognition import quality
from mien.tracking import assignment, events, smoothing, state, tracker


@pytest.mark.parametrize("module", [assignment, events, quality, smoothing, state, tracker])
def test_examples_run(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
