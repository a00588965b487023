"""What a product's address answers: JSON, a page, ODPS, ODCS, JSON-LD; and the list of products."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from access_meshes import READERS, publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, manifest, write
from rdflib import Graph
from rdflib.compare import isomorphic
from standard_schemas import faults, odps_validator

ADA = "person:ada@shop.example"
GUEST = "person:guest@shop.example"
REPORTS = "service:reports"
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    said = f"usage: {EVIL!r}\nlimitations: No warranty.\ntags: [sales]\nlicence: CC0-1.0"
    inputs = "inputs: {sales: files://sales}\npurposes: [analytics, care]\n"
    more = {"domains/shop/sales/defs.yaml": manifest(inputs + said)}
    with served(http_mesh(tmp_path_factory.mktemp("documents"), **more)) as found:
        yield found


def test_odps_is_what_the_standard_asks_for(mesh: Served) -> None:
    client = mesh.client(ADA)
    for path in ("/shop/sales", "/shop/sales/sales", "/shop/odd"):
        answer = client.get(path, params={"as": "odps"})
        assert answer.headers["Content-Type"] == "application/odps+yaml;version=1.0.0"
        document = yaml.safe_load(answer.text)
        assert faults(odps_validator(), document) == []
    document = yaml.safe_load(client.get("/shop/sales", params={"as": "odps"}).text)
    assert document["id"] == "mesh://shop/sales"
    assert document["description"] == {
        "purpose": "A product of a test.",
        "limitations": "No warranty.",
        "usage": EVIL,
    }
    assert document["outputPorts"][0]["contractId"] == "sales-contract"
    by_accept = client.get("/shop/sales", headers={"Accept": "application/odps+yaml"})
    assert yaml.safe_load(by_accept.text) == document


def test_the_contract_is_the_one_that_was_published(mesh: Served) -> None:
    answer = mesh.client(ADA).get("/shop/sales", params={"as": "odcs"})
    assert answer.headers["Content-Type"].startswith("application/odcs+yaml")
    written = mesh.gateway.settings.root / "domains/shop/sales/contract.yaml"
    assert yaml.safe_load(answer.text) == yaml.safe_load(written.read_text())


def test_json_ld_names_the_product_its_ports_and_where_their_data_is(mesh: Served) -> None:
    answer = mesh.client(ADA).get("/shop/sales", headers={"Accept": "application/ld+json"})
    node = answer.json()
    assert node["@type"] == "dprod:DataProduct"
    assert node["@id"] == f"{mesh.base}/shop/sales"
    assert node["@context"]["dcat"] == "http://www.w3.org/ns/dcat#"
    (port,) = node["dprod:outputPort"]
    assert port["dcat:endpointURL"] == {"@id": f"{mesh.base}/shop/sales/sales/data"}
    distributions = {each["dct:format"]: each["@id"] for each in port["dprod:isAccessServiceOf"]}
    assert set(distributions) == {
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.stream",
        "text/csv",
    }
    for url in distributions.values():
        assert mesh.client(ADA).get(url).status_code == 200


def test_turtle_says_what_json_ld_says(mesh: Served) -> None:
    client = mesh.client(ADA)
    answer = client.get("/shop/sales", headers={"Accept": "text/turtle"})
    assert answer.headers["Content-Type"].startswith("text/turtle")
    graph = Graph().parse(data=answer.text, format="turtle")
    node = client.get("/shop/sales", params={"as": "jsonld"}).text
    assert isomorphic(graph, Graph().parse(data=node, format="json-ld"))


def test_the_event_of_the_run_tells_what_the_caller_may_see(mesh: Served) -> None:
    for headers, query in (
        ({"Accept": "application/openlineage+json"}, {}),
        ({}, {"as": "openlineage"}),
    ):
        answer = mesh.client(ADA).get("/shop/sales", headers=headers, params=query)
        assert answer.headers["Content-Type"] == "application/openlineage+json"
        event = answer.json()
        assert event["eventType"] == "COMPLETE"
        assert event["job"]["name"] == "shop.sales"
        assert event["outputs"][0]["facets"]["columnLineage"]["fields"]["id"]["inputFields"]
    secret = mesh.client(ADA).get("/shop/secret", params={"as": "openlineage"})
    assert secret.status_code == mesh.client(ADA).get("/shop/nothing").status_code


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            assert (dict(attrs)["src"] or "").startswith("/-/static/")
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_browser_gets_a_page_without_scripts_of_its_own(mesh: Served) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = mesh.client(ADA).get("/shop/sales", headers={"Accept": browser})
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    page = _Page()
    page.feed(answer.text)
    for told in (EVIL, "email", "null", "pd.read_parquet", "mesh://shop/sales/sales"):
        assert told in page.text
    denied = mesh.client(GUEST).get("/shop/sales", headers={"Accept": browser})
    assert "You may not read it" in denied.text
    assert "pd.read_parquet" not in denied.text


def test_what_is_told_is_what_the_caller_may_see(mesh: Served) -> None:
    seen = mesh.client(ADA).get("/shop/sales/sales").json()
    assert seen["readable"] is True
    assert seen["rows"] == 12
    told = {column["name"]: column["seen"] for column in seen["columns"]}
    assert told["price"] == "clear"
    assert told["email"] == told["meal"] == "null"
    denied = mesh.client(GUEST).get("/shop/sales/sales").json()
    assert denied["readable"] is False
    assert denied["rows"] is None
    assert {column["seen"] for column in denied["columns"]} == {"no"}


def test_head_is_get_without_a_body(mesh: Served) -> None:
    client = mesh.client(ADA)
    paths = ["/-/products", "/shop/sales", "/shop/sales/sales", "/shop/odd/odd/data"]
    before = len(mesh.events())
    for path in paths:
        head = client.head(path)
        assert head.status_code == 200, path
        assert head.content == b""
        assert head.headers["ETag"].startswith('W/"')
    assert client.head("/shop/nope").status_code == 404
    assert len(mesh.events()) == before


def test_options_tells_the_methods_and_others_are_refused(mesh: Served) -> None:
    client = mesh.client(ADA)
    for path in ("/shop/sales", "/shop/sales/sales/data", "/-/products"):
        answer = client.options(path)
        assert answer.status_code == 204
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert "Access-Control-Allow-Origin" not in answer.headers
        wrong = client.delete(path)
        assert wrong.status_code == 405
        assert wrong.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert wrong.headers["Content-Type"] == "application/problem+json"
    assert client.options("/query").headers["Allow"] == "OPTIONS, POST"
    assert client.options("/no/such/path/at/all").status_code == 404


def test_what_the_client_has_already_is_not_sent_again(mesh: Served) -> None:
    client = mesh.client(ADA)
    for path in ("/shop/sales", "/shop/sales/sales", "/-/products"):
        tag = client.get(path).headers["ETag"]
        again = client.get(path, headers={"If-None-Match": f'"other", {tag}'})
        assert again.status_code == 304
        assert again.content == b""
        other = mesh.client(GUEST).get(path, headers={"If-None-Match": tag})
        assert other.status_code == 200, "another caller is told something else"


def test_the_list_comes_in_pages_and_by_domain(mesh: Served) -> None:
    client = mesh.client(REPORTS)
    names: list[str] = []
    cursor = None
    while True:
        page = client.get(
            "/-/products", params={"limit": 1, **({"cursor": cursor} if cursor else {})}
        )
        found = page.json()
        assert len(found["products"]) == 1
        names += [each["url"] for each in found["products"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert names == ["mesh://shop/odd", "mesh://shop/sales", "mesh://shop/secret"]
    all_of_them = client.get("/-/products", params={"domain": "shop"}).json()
    assert [each["url"] for each in all_of_them["products"]] == names
    assert all_of_them["next"] is None
    assert client.get("/-/products", params={"domain": "office"}).json()["products"] == []
    for wrong in ({"limit": 0}, {"limit": 1001}, {"cursor": "../etc"}, {"domain": "A"}):
        assert client.get("/-/products", params=wrong).status_code == 400


def test_only_what_may_be_known_is_listed(mesh: Served) -> None:
    def listed(who: str | None) -> list[str]:
        found = mesh.client(who).get("/-/products").json()["products"]
        return [each["product"] for each in found]

    assert listed(None) == ["odd"]
    assert listed(ADA) == ["odd", "sales"]
    assert listed(REPORTS) == ["odd", "sales", "secret"]


def test_a_contract_of_several_ports_tells_only_of_those_that_may_be_known(
    tmp_path: Path,
) -> None:
    both = contract(
        "open", "[{name: id, logicalType: integer, classification: internal, required: true}]"
    )
    both += """\
  - name: closed
    properties:
      - {name: hush, logicalType: integer, classification: internal, required: true}
"""
    hidden = 'forbid (principal, action, resource == Port::"shop/two/closed");'
    root = http_mesh(tmp_path, READERS + hidden)
    write(
        root,
        {
            "domains/shop/two/defs.yaml": manifest(
                "inputs: {sales: files://sales}\noutputs: {open: {}, closed: {}}"
            ),
            "domains/shop/two/contract.yaml": both,
            "domains/shop/two/open.sql": "select id from sales",
            "domains/shop/two/closed.sql": "select id as hush from sales",
        },
    )
    publish(root, "mesh://shop/two")
    with served(root) as mesh:
        client = mesh.client(ADA)
        for form in ("json", "html", "odps", "odcs", "jsonld"):
            for path in ("/shop/two", "/shop/two/open"):
                answer = client.get(path, params={"as": form})
                assert answer.status_code == 200, (form, path, answer.text)
                assert "open" in answer.text
                assert "hush" not in answer.text, (form, path)
                assert "closed" not in answer.text, (form, path)
        hidden, unknown = client.get("/shop/two/closed"), client.get("/shop/two/nope")
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.text.replace("'closed'", "'nope'") == unknown.text
        assert "it has open" in unknown.json()["detail"]
