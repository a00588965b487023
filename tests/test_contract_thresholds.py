"""Operators that nothing can meet are found, and only those."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.contract.odcs.threshold import Domain, satisfiable
from mesh_defs.contract.rules import Threshold

NUMBERS = st.none() | st.integers(-2, 6).map(float)
SPANS = st.none() | st.tuples(st.integers(-2, 6), st.integers(0, 4)).map(
    lambda pair: (float(pair[0]), float(pair[0] + pair[1]))
)
GRID = [step / 4 for step in range(-40, 61)]


def meets(threshold: Threshold, value: float) -> bool:
    t = threshold
    tests = [
        t.must_be is None or value == t.must_be,
        t.must_not_be is None or value != t.must_not_be,
        t.greater_than is None or value > t.greater_than,
        t.greater_or_equal is None or value >= t.greater_or_equal,
        t.less_than is None or value < t.less_than,
        t.less_or_equal is None or value <= t.less_or_equal,
        t.between is None or t.between[0] <= value <= t.between[1],
        t.not_between is None or not t.not_between[0] <= value <= t.not_between[1],
    ]
    return all(tests)


@settings(max_examples=500, deadline=None)
@given(
    threshold=st.builds(
        Threshold,
        must_be=NUMBERS,
        must_not_be=NUMBERS,
        greater_than=NUMBERS,
        greater_or_equal=NUMBERS,
        less_than=NUMBERS,
        less_or_equal=NUMBERS,
        between=SPANS,
        not_between=SPANS,
    ),
    lowest=st.sampled_from([-10.0, 0.0]),
)
def test_satisfiable_agrees_with_trying_every_value(threshold, lowest):
    tried = any(meets(threshold, value) for value in GRID if lowest <= value <= 15)
    assert satisfiable(threshold, Domain(lowest=lowest, highest=15)) == tried


def test_booleans():
    assert satisfiable(Threshold(must_be=True))
    assert not satisfiable(Threshold(must_be=True, must_not_be=True))
    assert not satisfiable(Threshold(must_be=True, less_than=5))
    with suppress(TypeError):
        assert satisfiable(Threshold(must_be=False, must_not_be=True))
