import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.catalogue import Entry, Layer, check_override, diff, require_exactly, resolve
from sanzhi_core.kit.refusals import Forbidden, InvalidInput

CITY = Layer("city", {"A": Entry({"t": 1}), "B": Entry({"t": 1}, locked=True), "C": Entry({"t": 1})})
COUNTY = Layer("county", {"A": Entry({"t": 2}), "B": Entry({"t": 2}), "D": Entry({"t": 2})})
VILLAGE = Layer("village", {"C": Entry(None), "D": Entry({"t": 4}, locked=True)})


def test_nearest_wins_lock_binds_none_removes() -> None:
    items = resolve([CITY, COUNTY, VILLAGE])
    assert {code: (item.body["t"], item.set_by, item.locked_by) for code, item in items.items()} == {
        "A": (2, "county", None),
        "B": (1, "city", "city"),
        "D": (4, "village", "village"),
    }
    assert set(resolve([CITY])) == {"A", "B", "C"}
    assert resolve([]) == {}


def test_a_locked_removal_stays_removed() -> None:
    items = resolve([Layer("city", {"A": Entry(None, locked=True)}), Layer("county", {"A": Entry({"t": 1})})])
    assert items == {}


def test_override_of_a_locked_item_is_refused() -> None:
    check_override([CITY, COUNTY], "A")
    check_override([CITY, COUNTY], "new")
    with pytest.raises(Forbidden) as caught:
        check_override([CITY, COUNTY], "B")
    assert caught.value.facts["locked_by"] == "city"


entries = st.builds(Entry, st.none() | st.fixed_dictionaries({"t": st.integers(0, 3)}), st.booleans())
layers = st.lists(st.dictionaries(st.sampled_from("ABC"), entries), max_size=4).map(
    lambda found: [Layer(str(n), e) for n, e in enumerate(found)]
)


@given(layers)
def test_resolve_against_a_slow_walk(stack: list[Layer]) -> None:
    for code in "ABC":
        winner: tuple[str, Entry] | None = None
        for layer in reversed(stack):  # nearest first
            if code in layer.entries:
                winner = (layer.unit, layer.entries[code])
                break
        for layer in stack:  # the highest lock beats everything below it
            if code in layer.entries and layer.entries[code].locked:
                winner = (layer.unit, layer.entries[code])
                break
        found = resolve(stack).get(code)
        if winner is None or winner[1].body is None:
            assert found is None
        else:
            assert found is not None
            assert (found.set_by, found.body) == (winner[0], winner[1].body)


def test_exactly_n() -> None:
    require_exactly([f"S{n:02d}" for n in range(1, 11)], 10)
    for codes, reason in [
        ([f"S{n:02d}" for n in range(1, 10)], "WRONG_COUNT"),
        ([f"S{n:02d}" for n in range(1, 12)], "WRONG_COUNT"),
        (["S01"] * 10, "DUPLICATE_CODE"),
        ([], "WRONG_COUNT"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            require_exactly(codes, 10)
        assert caught.value.reason == reason


def test_difference_of_two_versions() -> None:
    found = diff(
        {"A": {"t": 1, "x": None}, "B": {"t": 1}, "C": {"t": 1}}, {"A": {"t": 1}, "B": {"t": 2}, "D": {}}
    )
    assert (found.added, found.removed, dict(found.changed)) == (("D",), ("C",), {"A": ("x",), "B": ("t",)})
    assert found
    assert not diff({"A": {"t": 1}}, {"A": {"t": 1}})
    assert diff({}, {"A": {}})
    assert diff({"A": {}}, {})
    assert diff({"A": {}}, {"A": {"t": None}})
