import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.drift import Reference, parse_profile
from mien.errors import InvalidInput


def plain(reference: Reference) -> dict[str, Any]:
    """As a model file holds it."""
    values: dict[str, Any] = json.loads(json.dumps(reference.profile.to_dict()))
    return values


def test_a_profile_is_what_was_written(reference: Reference) -> None:
    assert parse_profile(plain(reference)) == reference.profile
    assert reference.answers == reference.profile.answers["people"]


def test_measures_of_later_versions_are_ignored(reference: Reference) -> None:
    values = plain(reference)
    values["measures"] |= {"fog": {"what": "ever"}}
    assert parse_profile(values) == reference.profile


WRONG = {
    "measures.brightness.levels": ([], [0.2, 0.1], [0.5] * 9, [10**400], [float("nan")], "low", None),
    "measures.brightness.shares": ([0.1], [0.9, *[0.1] * 8], [2.0] * 9, [-0.1] * 9),
    "measures.brightness.mean": (None, True, float("inf")),
    "num_faces": (0, -1, 2.5, 10**30, True),
    "data": (None, 7),
    "measures": (None, [], {1: 2}),
    "answers": (None, []),
    "answers.people.labels": ([], ["a"] * 7, [1, 2, 3, 4, 5, 6, 7]),
    "answers.people.counts": ([], [-1] * 7, [0.5] * 7),
    "answers.people.confidence": ([], [None] * 7),
}


@pytest.mark.parametrize(("place", "value"), [(place, value) for place, values in WRONG.items() for value in values])
def test_a_wrong_entry_is_named(reference: Reference, place: str, value: Any) -> None:
    values = plain(reference)
    *folders, name = place.split(".")
    entry = values
    for folder in folders:
        entry = entry[folder]
    entry[name] = value
    with pytest.raises(InvalidInput, match=name if name != "shares" else "brightness"):
        parse_profile(values)


@pytest.mark.parametrize("place", WRONG)
def test_a_missing_entry_is_named(reference: Reference, place: str) -> None:
    values = plain(reference)
    *folders, name = place.split(".")
    entry = values
    for folder in folders:
        entry = entry[folder]
    del entry[name]
    with pytest.raises(InvalidInput, match=f"no '{name}'"):
        parse_profile(values)


def test_labels_differ_in_their_levels_of_confidence(reference: Reference) -> None:
    values = plain(reference)
    values["answers"]["people"]["confidence"][3]["levels"] = [0.6]
    with pytest.raises(InvalidInput, match="same levels"):
        parse_profile(values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.data())
def test_whatever_stands_there_is_a_profile_or_an_error(reference: Reference, data: st.DataObject) -> None:
    values = copy.deepcopy(plain(reference))
    entry: Any = values
    while isinstance(entry, dict) or (isinstance(entry, list) and entry):
        key = data.draw(st.sampled_from([*entry] if isinstance(entry, dict) else range(len(entry))))
        if data.draw(st.booleans()) or not isinstance(entry[key], dict | list):
            entry[key] = data.draw(JSON)
            break
        entry = entry[key]
    try:
        assert parse_profile(parse_profile(values).to_dict()) == parse_profile(values)
    except InvalidInput as error:
        assert str(error)
