"""Two meshes that know each other's address find each other's products; what another mesh answers
is bounded, and believed for itself alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from documents import document
from gateway_http import served
from http_meshes import http_mesh
from indexes import names

from mesh_defs.discovery.index import remote
from mesh_defs.discovery.index.entry import Entry
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.question import Question
from mesh_defs.settings import load_settings

MESH = """
name: {name}
profiles:
  local:
    services:
      files: {{driver: files, path: data}}
    index: {{embedding: none, meshes: [{meshes}]}}
"""


def mesh_yaml(name: str, meshes: str = "") -> str:
    return MESH.format(name=name, meshes=meshes)


def found(live: LiveIndex, text: str = "") -> list[tuple[str, str]]:
    """Mesh and URL of what everybody finds."""
    results = live.search(Question(text, most=100), object(), lambda _: True).results
    return [(each.entry.mesh, each.entry.url) for each in results]


def test_two_gateways_find_each_others_products(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = http_mesh(tmp_path / "one", **{"mesh.yaml": mesh_yaml("one")})
    two = http_mesh(tmp_path / "two", **{"mesh.yaml": mesh_yaml("two")})
    with served(one) as first, served(two) as second:
        monkeypatch.setenv("TWO_TOKEN", second.token("person:ada@shop.example"))
        known = f'{{url: "{second.base}", token: "${{TWO_TOKEN}}"}}'
        (one / "mesh.yaml").write_text(mesh_yaml("one", known))
        (two / "mesh.yaml").write_text(mesh_yaml("two", f'"{first.base}"'))
        here, there = LiveIndex(load_settings(one)), LiveIndex(load_settings(two))
        done = here.refresh()
        assert done.failed == {}
        assert ("two", "mesh://shop/sales") in found(here, "email")
        assert ("one", "mesh://shop/sales") in found(here, "email")
        assert ("two", "mesh://shop/secret") not in found(here)  # ada may not know of it there
        told = here.search(Question("email"), 1, lambda _: True).results
        assert {r.as_dict()["gateway"] for r in told} == {None, second.base}
        there.refresh()
        public = {each["url"] for each in first.client().get("/-/products").json()["products"]}
        assert {url for mesh, url in found(there) if mesh == "one"} == public
        assert here.refresh().changed == 0  # nothing new: nothing is read again
        (one / "mesh.yaml").write_text(mesh_yaml("one"))
        alone = LiveIndex(load_settings(one))
        alone.refresh()
        assert {mesh for mesh, _ in found(alone)} == {"one"}


def test_who_may_find_them(tmp_path: Path) -> None:
    with lying(lambda _: page([document("far/away", "Far.")])) as base:
        live = live_with(tmp_path, base)
        live.refresh()
        (entry,) = live.opened().entries()
        assert entry.open
        assert entry.subject is None


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def lying(answer: Callable[[str], Answer]) -> Iterator[str]:
    """A server on loopback that answers as it likes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(products: object, after: object = None, mesh: object = "liar") -> Answer:
    text = json.dumps({"mesh": mesh, "products": products, "next": after})
    return 200, {"Content-Type": "application/json"}, text.encode()


def live_with(root: Path, base: str) -> LiveIndex:
    root.mkdir(exist_ok=True)
    (root / "mesh.yaml").write_text(mesh_yaml("here", f'"{base}"'))
    return LiveIndex(load_settings(root))


def kept(live: LiveIndex) -> set[str]:
    return {entry.url for entry in live.opened().entries()}


GOOD = document("far/away", "Far.")
MISSING: Answer = (404, {}, b"{}")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (page([GOOD], after="a/a"), "without an end"),
        (page([GOOD], after=7), "without an end"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "302"),
        ((200, {}, b"[" * 100_000), "no JSON"),
        ((200, {}, b"not json"), "no JSON"),
        ((200, {}, b"[]"), "no JSON object"),
        (page({"a": 1}), "lists no products"),
        (page([GOOD], mesh="here"), "calls itself"),
        ((500, {}, b""), "500"),
        ((200, {}, b'{"mesh": "x", "products": [' + b"[" * 800 + b"]" * 800 + b"]}"), ""),
    ],
)
def test_what_another_mesh_answers_wrongly_is_told(
    tmp_path: Path, answers: Answer, why: str
) -> None:
    with lying(lambda path: answers if "products" in path else MISSING) as base:
        live = live_with(tmp_path, base)
        done = live.refresh()
        assert why in " ".join(done.failed.values())
        assert kept(live) == set()


def test_size_and_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAGE_BYTES", 5_000)
    many = [document(f"far/p{at}") for at in range(30)]
    with lying(lambda path: page(many) if "products" in path else MISSING) as base:
        live = live_with(tmp_path, base)
        assert "more than 5000 bytes" in " ".join(live.refresh().failed.values())
        monkeypatch.setattr(remote, "PAGE_BYTES", 1_000_000)
        text = (tmp_path / "mesh.yaml").read_text()
        (tmp_path / "mesh.yaml").write_text(text.replace("none,", "none, most_products: 10,"))
        live = LiveIndex(load_settings(tmp_path))
        done = live.refresh()
        assert "more than 10 products" in " ".join(done.failed.values())
        assert len(kept(live)) == 10


def test_a_document_tells_of_its_own_product_alone(tmp_path: Path) -> None:
    other = {**document("near/by", "Not mine."), "mesh": "here"}

    def answer(path: str) -> Answer:
        if "products" in path:
            return page([GOOD])
        return 200, {}, json.dumps(other).encode()

    with lying(answer) as base:
        live = live_with(tmp_path, base)
        live.refresh()
        assert kept(live) == {"mesh://far/away"}
        assert {entry.mesh for entry in live.opened().entries()} == {"liar"}


def test_what_is_known_stays_while_a_mesh_is_away_and_goes_when_it_closes(tmp_path: Path) -> None:
    state: list[Answer] = [page([GOOD])]
    with lying(lambda path: state[0] if "products" in path else MISSING) as base:
        live = live_with(tmp_path, base)
        live.refresh()
        state[0] = (503, {}, b"")
        assert live.refresh().failed
        assert kept(live) == {"mesh://far/away"}
        state[0] = (401, {}, b"")
        live.refresh()
        assert kept(live) == set()


def test_the_token_comes_from_the_environment_and_is_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = live_with(tmp_path, "http://127.0.0.1:1")
    text = mesh_yaml("here", '{url: "http://127.0.0.1:1", token: "${FAR_TOKEN}"}')
    (tmp_path / "mesh.yaml").write_text(text)
    live = LiveIndex(load_settings(tmp_path))
    assert "FAR_TOKEN" in " ".join(live.refresh().failed.values())
    monkeypatch.setenv("FAR_TOKEN", "very-secret-value")
    told = " ".join(live.refresh().failed.values())
    assert told
    assert "very-secret-value" not in told


def test_entries_of_two_meshes_with_the_same_names_are_two(tmp_path: Path) -> None:
    with lying(lambda path: page([GOOD]) if "products" in path else MISSING) as base:
        live = live_with(tmp_path, base)
        live.refresh()
        own = Entry("", "here", "far", "away", "away", purpose="Far.")
        live.shelf.change([own], [], live.model)
        results = live.search(Question("far"), object(), lambda _: True)
        assert names(results) == ["far/away", "far/away"]


def test_every_fault_of_a_mesh_is_told_with_its_product(tmp_path: Path) -> None:
    wrong = [
        {"url": "mesh://a/one", "domain": "a", "product": 1, "ports": []},
        {"url": "mesh://a/two\u202e", "domain": "a b", "product": "two", "ports": []},
        "nothing",
    ]
    with lying(lambda _: page([*wrong, document("far/away", "Far.")])) as base:
        live = live_with(tmp_path, base)
        told = live.refresh().failed[base]
    assert "(mesh://a/one)" in told
    assert "(mesh://a/two)" in told
    assert told.count("no product") == 3
    assert found(live) == [("liar", "mesh://far/away")]


def test_faults_are_told_up_to_a_number(tmp_path: Path) -> None:
    with lying(lambda _: page([{"domain": at} for at in range(90)])) as base:
        told = live_with(tmp_path, base).refresh().failed[base]
    assert told.count("no product") == 20
