"""What the gateway gives at once: no more than its limits, to each caller in turn."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.gateway.errors import Overloaded
from mesh_defs.gateway.limits import Limiter, Pace, Slots
from mesh_defs.gateway_limits import Limits


def until(condition) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_pace_is_by_key_and_refills() -> None:
    now = [0.0]
    pace = Pace(60, clock=lambda: now[0])
    for _ in range(60):
        pace.take("ada")
    with pytest.raises(Overloaded) as refused:
        pace.take("ada")
    assert refused.value.retry_after == 2
    assert refused.value.status == 429
    pace.take("eve")
    now[0] = 1.0
    pace.take("ada")
    with pytest.raises(Overloaded):
        pace.take("ada")


@given(st.lists(st.floats(0, 10), max_size=300))
def test_no_more_than_the_pace_and_what_refilled(gaps: list[float]) -> None:
    now = [0.0]
    pace = Pace(30, clock=lambda: now[0])
    given_out = 0
    for gap in gaps:
        now[0] += gap
        try:
            pace.take("ada")
        except Overloaded:
            continue
        given_out += 1
    assert given_out <= 30 + now[0] / 2 + 1e-6


def test_failures_are_counted_by_address() -> None:
    limiter = Limiter(Limits(failures_per_minute=2))
    for _ in range(2):
        limiter.failure("10.0.0.1")
    with pytest.raises(Overloaded, match="failures"):
        limiter.failure("10.0.0.1")
    limiter.failure("10.0.0.2")


def test_over_what_may_run_and_wait_is_refused_at_once() -> None:
    slots = Slots(1, 1)
    slots.take("ada")
    waiting = threading.Thread(target=slots.take, args=("ada",))
    waiting.start()
    until(lambda: slots._queues)
    with pytest.raises(Overloaded) as refused:
        slots.take("eve")
    assert refused.value.retry_after
    slots.give_back()
    waiting.join(20)
    assert not waiting.is_alive()
    slots.give_back()
    with slots.slot("eve"):
        pass
    slots.take("ada")


def test_one_caller_s_many_requests_do_not_keep_another_waiting() -> None:
    slots = Slots(1, 100)
    slots.take("greedy")
    order: list[str] = []

    def read(who: str) -> None:
        slots.take(who)
        order.append(who)
        slots.give_back()

    threads = []
    for count, who in enumerate(["greedy"] * 5 + ["modest"], start=1):
        threads.append(threading.Thread(target=read, args=(who,)))
        threads[-1].start()
        until(lambda count=count: sum(map(len, slots._queues.values())) == count)
    slots.give_back()
    for thread in threads:
        thread.join(20)
    assert order[:2] == ["greedy", "modest"]
    assert sorted(order) == ["greedy"] * 5 + ["modest"]


def test_what_is_held_never_exceeds_the_limit() -> None:
    slots = Slots(3, 64)
    lock, now, most = threading.Lock(), [0], [0]

    def read(who: str) -> None:
        for _ in range(50):
            with slots.slot(who):
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                with lock:
                    now[0] -= 1

    threads = [threading.Thread(target=read, args=(f"c{i % 4}",)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most[0] <= 3
    assert slots._free == 3
    assert not slots._queues
