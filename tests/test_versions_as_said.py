"""What is told of a version is what was said with it: files that nobody published change nothing,
and the history tells what its owner changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_meshes import publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, load, manifest, write

from mesh_defs.discovery.documents import discovery_document
from mesh_defs.discovery.exports import Exports
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.container import run_product
from mesh_defs.product.described.document import document_name
from mesh_defs.product.described.history import MOST_VERSIONS
from mesh_defs.product.stores import product_store
from mesh_defs.settings import load_settings
from mesh_defs.standards.forms import FORMS
from mesh_defs.urls import parse

THINGS = "mesh://shop/things"
WORDS = ("purpose", "limitations", "usage", "owner", "tags", "licence", "permitted_purposes")
FORMS_OF_HTTP = ("odps", "jsonld", "turtle", "openlineage", "json")
AUDITOR, GUEST = "service:reports", "person:guest@shop.example"


def files(word: str, *, inputs: str = "sales: mesh://shop/sales", status: str = "active") -> str:
    """A manifest of which every text has ``word``."""
    text = manifest(
        f"inputs: {{{inputs}}}\nlimitations: {word} limits\nusage: {word} use\nstatus: {status}\n"
        f"tags: [{word}-tag]\nlicence: {word} licence\npurposes: [{word}-purpose]\n"
        f"outputs: {{things: {{actual_time: {word}_day}}}}",
        archetype="aggregate",
    )
    return text.replace("team:test", f"team:{word}").replace("A product of a test", f"{word} aim")


def sql(*columns: str) -> str:
    return f"select id, {', '.join(f'date {chr(39)}2026-01-01{chr(39)} as {c}' for c in columns)}"


DAYS = ("first_day", "second_day", "third_day")
COLUMNS = "- {name: id, logicalType: integer, classification: public, required: true}\n" + "".join(
    f"- {{name: {name}, logicalType: date, classification: public}}\n" for name in DAYS
)
RULES = '@id("guests")\nforbid (principal == Person::"guest@shop.example", action, resource)\n'
RULES += 'when { resource == Port::"shop/odd/odd" };\n'


def said(root: Path, text: str) -> None:
    write(root, {"domains/shop/things/defs.yaml": text})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions, of which each was told of with a word of its own, and a manifest with another
    that nobody published."""
    root = http_mesh(tmp_path_factory.mktemp("said"))
    write(
        root,
        {
            "domains/shop/things/contract.yaml": contract("things", COLUMNS),
            "domains/shop/things/things.sql": sql(*DAYS) + " from sales",
        },
    )
    said(root, files("first"))
    publish(root, THINGS)
    more = "sales: mesh://shop/sales, secret: mesh://shop/secret, odd: mesh://shop/odd"
    said(root, files("second", inputs=more, status="deprecated"))
    write(
        root,
        {
            "domains/shop/things/things.sql": sql(*DAYS)
            + " from sales where id in (select id from secret) and id in (select id from odd)"
        },
    )
    publish(root, THINGS)
    said(root, files("third", inputs="sales: files://sales", status="proposed"))
    return root


@pytest.fixture(scope="module")
def mesh(root: Path) -> Iterator[Served]:
    with served(root) as found:
        yield found


def only(text: str, word: str) -> None:
    """``text`` has ``word`` and none of the others."""
    others = {"first", "second", "third"} - {word}
    assert f"{word} aim" in text
    phrases = ("{} ", "{}-", "team:{}")  # but not `first_day`, a column of every version
    assert [p.format(o) for o in others for p in phrases if p.format(o) in text] == []


@pytest.mark.parametrize(("version", "word"), [(None, "second"), (0, "first"), (1, "second")])
@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("odcs", "openlineage")])
def test_an_export_says_what_the_version_said(
    root: Path, form: Any, version: int | None, word: str
) -> None:
    access = MeshAccess(load_settings(root))
    exports = Exports(access, access.caller, "https://mesh.example")
    url = THINGS if version is None else f"{THINGS}?version={version}"
    (found,) = exports.one(parse(url), form)
    only(found.text, word)
    assert ("deprecated" in found.text) == (word == "second")
    assert "proposed" not in found.text
    assert "files://sales" not in found.text
    assert ("mesh://shop/odd" in found.text) == (word == "second")


@pytest.mark.parametrize(("query", "word"), [("", "second"), ("&version=0", "first")])
@pytest.mark.parametrize("form", ["odps", "jsonld", "turtle", "json"])
def test_so_does_the_gateway(mesh: Served, form: str, query: str, word: str) -> None:
    answer = mesh.client(AUDITOR).get(f"/shop/things?as={form}{query}")
    assert answer.status_code == 200, answer.text
    only(answer.text, word)
    assert ("deprecated" in answer.text) == (word == "second")
    assert "files://sales" not in answer.text


def test_how_versions_follow_each_other_is_as_published(root: Path) -> None:
    access = MeshAccess(load_settings(root))
    exports = Exports(access, access.caller, "https://mesh.example")
    for version, word in ((0, "first"), (1, "second")):
        url = parse(f"{THINGS}?version={version}")
        port = exports.facts(url).said.continues["things"]
        assert port == {"actual_time": f"{word}_day"}


def test_lists_of_products_say_the_same(mesh: Served) -> None:
    listed = mesh.client(AUDITOR).get("/-/products?domain=shop").json()["products"]
    (found,) = [each for each in listed if each["product"] == "things"]
    assert (found["purpose"], found["status"]) == ("second aim.", "deprecated")


def test_what_is_not_published_is_as_its_files_say(root: Path, mesh: Served) -> None:
    write(
        root,
        {
            "domains/shop/plan/defs.yaml": files("third").replace("things:", "plan:"),
            "domains/shop/plan/contract.yaml": contract("plan", COLUMNS),
            "domains/shop/plan/plan.sql": sql(*DAYS) + " from sales",
        },
    )
    for form in ("odps", "json"):
        answer = mesh.client(AUDITOR).get(f"/shop/plan?as={form}")
        assert "third aim" in answer.text, answer.text


def changes(document: dict[str, Any], at: int = 0) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in document["history"][at]["changes"]}


def test_the_history_tells_what_its_owner_changed(root: Path) -> None:
    document = discovery_document(load(root).settings, "shop/things")
    found = changes(document)
    for name, before, after in (
        ("purpose", "first aim.", "second aim."),
        ("limitations", "first limits", "second limits"),
        ("usage", "first use", "second use"),
        ("owner", "team:first", "team:second"),
        ("tags", "first-tag", "second-tag"),
        ("licence", "first licence", "second licence"),
        ("purposes", "first-purpose", "second-purpose"),
        ("status", "active", "deprecated"),
    ):
        assert (found[name]["before"], found[name]["after"]) == (before, after), name
        assert (found[name]["port"], found[name]["level"]) == (None, None)
    added = [e["after"] for e in document["history"][0]["changes"] if e["kind"] == "input added"]
    assert sorted(added) == ["mesh://shop/odd", "mesh://shop/secret"]
    assert found["code"]["before"] != found["code"]["after"]
    assert changes(document, 1) == {}


def test_it_names_no_input_that_one_may_not_know_of(mesh: Served) -> None:
    def told(who: str) -> list[dict[str, Any]]:
        document = mesh.client(who).get("/shop/things/discovery").json()
        return [each for each in document["history"][0]["changes"] if "input" in each["kind"]]

    assert {each["after"] for each in told(AUDITOR)} == {"mesh://shop/odd", "mesh://shop/secret"}
    assert [each["after"] for each in told(GUEST)] == ["mesh://shop/odd"]
    page = mesh.client(GUEST).get("/-/changes/shop/things", headers={"Accept": "text/html"}).text
    assert "secret" not in page
    assert "second limits" in page
    assert "in other words" in page


def test_a_third_version_keeps_what_was_told_of_the_second(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    write(
        root,
        {
            "domains/shop/things/contract.yaml": contract("things", COLUMNS),
            "domains/shop/things/things.sql": sql(*DAYS) + " from sales",
        },
    )
    for word in ("first", "second"):
        said(root, files(word))
        publish(root, THINGS)
    publish(root, "mesh://shop/sales", THINGS)
    settings = load(root).settings
    document = discovery_document(settings, "shop/things")
    assert [each["version"] for each in document["history"]] == [2, 1, 0]
    assert set(changes(document)) == set()  # new data alone
    assert changes(document, 1)["purpose"]["after"] == "second aim."

    store = product_store(settings, "shop", "things")
    store.replace(document_name(2), b"{")
    publish(root, "mesh://shop/sales")
    report = run_product(load(root), load(root).product(THINGS))
    assert report.outcome == "published", report.explanation()
    found = changes(discovery_document(settings, "shop/things"))
    assert found["description"]["text"] == "what was said of it before cannot be read any more"


def test_a_damaged_document_leaves_what_the_record_knows(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    store = product_store(load(root).settings, "shop", "odd")
    store.replace(document_name(0), b"[]")
    with served(root) as mesh:
        body = mesh.client(AUDITOR).get("/shop/odd?as=json").json()
    assert body["version"] == 0
    assert "purpose" not in body
    access = MeshAccess(load_settings(root))
    with pytest.raises(CorruptRecord, match="no discovery document"):
        Exports(access, access.caller, "https://mesh.example").one(parse("mesh://shop/odd"), "odps")


def test_changes_are_of_versions_that_there_are(mesh: Served) -> None:
    client = mesh.client(AUDITOR)
    assert client.get("/-/changes/shop/things?since=0&until=77").status_code == 404
    assert client.get("/-/changes/shop/things?since=77&until=0").status_code == 404
    assert client.get("/-/changes/shop/odd?until=1").status_code == 404
    assert "These are the same version" in client.get("/-/changes/shop/things?since=1").text
    whole = client.get("/-/changes/shop/things?since=0&until=1").text
    assert "second limits" in whole
    assert "not kept here" not in whole


def test_changes_that_are_not_kept_any_more_are_told_of(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    for _ in range(MOST_VERSIONS + 2):
        publish(root, "mesh://shop/odd")
    newest = MOST_VERSIONS + 2
    with served(root) as mesh:
        client = mesh.client(AUDITOR)
        oldest = newest - MOST_VERSIONS + 1
        cut = client.get(f"/-/changes/shop/odd?since=0&until={newest}").text
        assert f"before version {oldest} is not kept here" in cut
        whole = client.get(f"/-/changes/shop/odd?since={oldest - 1}&until={newest}").text
        assert "not kept here" not in whole
        earlier = client.get(f"/shop/odd/discovery?version={oldest - 1}").json()
        assert earlier["history"][0]["version"] == oldest - 1


def test_what_is_retired_is_so_at_once(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    with served(root) as mesh:
        client = mesh.client(AUDITOR)
        assert client.get("/shop/odd").json()["status"] == "active"
        text = manifest("inputs: {odd: files://odd}\nstatus: retired")
        write(root, {"domains/shop/odd/defs.yaml": text})
        assert client.get("/shop/odd").json()["status"] == "retired"
        assert client.get("/shop/odd/discovery").json()["status"] == "retired"
        assert "status: retired" in client.get("/shop/odd?as=odps").text
