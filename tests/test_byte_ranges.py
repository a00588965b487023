"""Byte ranges: what is asked for, what was sent, and the same bytes whichever way one asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from gateway_http import Served, served
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import PLAIN
from sharing_meshes import DORA, published_shop

from mesh_defs.gateway.ranges import MOST_PARTS, Spans, Unsatisfiable, read_ranges

SIZE = 1000
specs = st.one_of(
    st.tuples(st.integers(0, 1200), st.integers(0, 1200)).map(
        lambda pair: f"{min(pair)}-{max(pair)}"
    ),
    st.integers(0, 1200).map(lambda first: f"{first}-"),
    st.integers(0, 1200).map(lambda length: f"-{length}"),
)


def meant(spec: str, size: int) -> set[int]:
    """The bytes that one range asks for, counted one by one."""
    first, _, last = spec.partition("-")
    if not first:
        return set(range(max(0, size - int(last)), size))
    return set(range(int(first), min(int(last) + 1, size) if last else size))


@given(st.lists(specs, min_size=1, max_size=12))
def test_the_parts_are_the_bytes_that_were_asked_for(asked: list[str]) -> None:
    wanted = set().union(*(meant(spec, SIZE) for spec in asked))
    header = f"bytes={', '.join(asked)}"
    if not wanted:
        with pytest.raises(Unsatisfiable):
            read_ranges(header, SIZE)
        return
    parts = read_ranges(header, SIZE)
    assert parts is not None
    sent = [byte for start, stop in parts for byte in range(start, stop)]
    assert sorted(sent) == sorted(wanted)  # each once


@pytest.mark.parametrize(
    "header",
    [
        "bytes",
        "bytes=",
        "bytes=a-b",
        "bytes=5-1",
        "bytes=-",
        "items=0-1",
        "bytes=0-1,x",
        "",
        "=0-1",
    ],
)
def test_what_is_not_understood_asks_for_everything(header: str) -> None:
    assert read_ranges(header, SIZE) is None
    assert read_ranges(None, SIZE) is None


def test_more_parts_than_are_worth_it_ask_for_everything() -> None:
    listed = ",".join(f"{at}-{at}" for at in range(0, 2 * MOST_PARTS, 2))
    assert read_ranges(f"bytes={listed}", SIZE) is not None
    assert read_ranges(f"bytes={listed},500-501", SIZE) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=30))
def test_what_was_sent_counts_once(spans: list[tuple[int, int]]) -> None:
    union, bytes_sent = Spans(), set()
    for start, stop in spans:
        union.add(start, stop)
        bytes_sent |= set(range(start, stop))
        assert union.size == len(bytes_sent)
    covered = {byte for a, b in zip(union.starts, union.stops, strict=True) for byte in range(a, b)}
    assert covered == bytes_sent


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(published_shop(tmp_path_factory.mktemp("ranges"))) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def url(mesh: Served) -> str:
    return str(mesh.client(DORA).get("/shop/stock/files").json()["files"][0]["url"])


@pytest.fixture(scope="module")
def whole(url: str) -> bytes:
    return httpx.get(url, **PLAIN).content


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_ranges_over_http_give_the_files_own_bytes(
    url: str, whole: bytes, data: st.DataObject
) -> None:
    asked = data.draw(st.lists(specs, min_size=1, max_size=6))
    size = len(whole)
    answer = httpx.get(url, headers={"Range": f"bytes={','.join(asked)}"}, **PLAIN)
    wanted = set().union(*(meant(spec, size) for spec in asked))
    if not wanted:
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
        return
    assert answer.status_code == 206
    found = dict(parts(answer, size))
    assert set(found) == wanted
    assert all(whole[at] == byte for at, byte in found.items())


def parts(answer: httpx.Response, size: int) -> Iterator[tuple[int, int]]:
    """Every byte of a partial answer with its place in the file."""
    kind = answer.headers["Content-Type"]
    bodies = [(answer.headers.get("Content-Range"), answer.content)]
    if kind.startswith("multipart/byteranges"):
        boundary = b"\r\n--" + kind.partition("boundary=")[2].encode()
        pieces = answer.content.split(boundary)
        assert (pieces[0], pieces[-1]) == (b"", b"--\r\n")
        split = [piece.removeprefix(b"\r\n").partition(b"\r\n\r\n") for piece in pieces[1:-1]]
        found = [re.search(rb"Content-Range: (.*)", head) for head, _, _ in split]
        bodies = [
            (m[1].decode().strip(), body) for m, (_, _, body) in zip(found, split, strict=True) if m
        ]
    for header, body in bodies:
        match = re.fullmatch(rf"bytes (\d+)-(\d+)/{size}", header or "")
        assert match is not None
        start, last = int(match[1]), int(match[2])
        assert len(body) == last - start + 1
        yield from zip(range(start, last + 1), body, strict=True)


def test_a_range_holds_for_the_bytes_that_its_tag_names(url: str, whole: bytes) -> None:
    head = httpx.head(url, **PLAIN)
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(whole))
    assert head.headers["Accept-Ranges"] == "bytes"
    tag = head.headers["ETag"]
    for condition, status, size in (
        (tag, 206, 5),
        ('"other"', 200, len(whole)),
        ("W/" + tag, 200, None),
    ):
        answer = httpx.get(url, headers={"Range": "bytes=0-4", "If-Range": condition}, **PLAIN)
        assert answer.status_code == status
        assert size is None or len(answer.content) == size
    same = httpx.get(url, headers={"If-None-Match": f'"x", {tag}'}, **PLAIN)
    assert (same.status_code, same.content) == (304, b"")
    ignored = httpx.head(url, headers={"Range": "bytes=0-4"}, **PLAIN)
    assert (ignored.status_code, ignored.headers["Content-Length"]) == (200, str(len(whole)))
