"""mesh export: products as ODPS, ODCS, DPROD, Turtle, as the official schemas have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from access_meshes import sales_mesh
from commands import mesh
from http_meshes import http_mesh
from meshes import contract, manifest, write_mesh, write_parquet
from rdflib import DCAT, DCTERMS, ODRL2, PROV, RDF, SKOS, Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import SH, DefinedNamespace
from reference_data import copy_mesh
from standard_schemas import faults, odcs_validator, odps_validator

from mesh_defs.discovery.exports import Exports
from mesh_defs.errors import UnknownAddress
from mesh_defs.product.access import MeshAccess
from mesh_defs.settings import load_settings
from mesh_defs.standards.forms import FORMS
from mesh_defs.urls import parse

BASE = "https://mesh.example"
EVIL = '</script>"""<b> \\ } . <http://evil> \u202e'
# rdflib 7 has the terms of DCAT 2; these came with DCAT 3.
DCAT_3 = {URIRef(f"http://www.w3.org/ns/dcat#{name}") for name in ("resource", "version")}
DPROD = "https://ekgf.github.io/dprod/"
COLUMNS = "- {name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true}"
KEY = COLUMNS.replace("unique: true", "relationships: [{to: 'mesh://shop/sales/sales#id'}]") + "\n"


def exports(root: Path) -> Exports:
    access = MeshAccess(load_settings(root))
    return Exports(access, access.caller, BASE)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_mesh(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_mesh(
        tmp_path_factory.mktemp("shop"),
        {
            "domains/shop/sales/defs.yaml": manifest(
                f"inputs: {{sales: files://sales}}\nlimitations: {json.dumps(EVIL)}\n"
                f"tags: [{json.dumps(EVIL)}]\npurposes: [analytics]\nlicence: CC0-1.0\n"
                "outputs: {sales: {mode: upsert, key: [id]}}"
            ),
            "domains/shop/sales/contract.yaml": contract("sales", COLUMNS),
            "domains/shop/sales/sales.sql": "SELECT id FROM sales",
            "domains/shop/returns/defs.yaml": manifest("inputs: {sales: mesh://shop/sales}"),
            "domains/shop/returns/contract.yaml": contract("returns", KEY),
            "domains/shop/returns/returns.sql": "SELECT id FROM sales",
        },
    )
    write_parquet(root, "sales", "SELECT 1 AS id")
    assert mesh(root, "run", "mesh://shop/sales").returncode == 0
    return root


def test_odps_of_every_product_is_valid(reference: Path) -> None:
    validator = odps_validator()
    found = exports(reference).all("odps", lambda *told: pytest.fail(str(told)))
    assert len(found) >= 9
    for each in found:
        assert faults(validator, yaml.safe_load(each.text)) == [], each.name
    assert faults(validator, {"apiVersion": "v1.0.0", "kind": "DataProduct"})  # it can fail


def test_odcs_of_every_port_is_valid(reference: Path) -> None:
    validator = odcs_validator()
    found = exports(reference).all("odcs", lambda *told: pytest.fail(str(told)))
    assert len(found) >= 9
    for each in found:
        assert faults(validator, yaml.safe_load(each.text)) == [], each.name


def test_a_foreign_key_leads_to_the_file_of_the_other_contract(shop: Path) -> None:
    (found,) = exports(shop).one(parse("mesh://shop/returns"), "odcs")
    document = yaml.safe_load(found.text)
    (key,) = document["schema"][0]["properties"][0]["relationships"]
    assert key["to"] == "../shop/sales.sales.odcs.yaml#schema/sales/properties/id"
    assert key["customProperties"] == [
        {"property": "meshUrl", "value": "mesh://shop/sales/sales#id"}
    ]
    assert faults(odcs_validator(), document) == []
    names = {each.name for each in exports(shop).all("odcs", lambda *_: None)}
    assert "shop/sales.sales.odcs.yaml" in names


def test_terms_of_rdf_are_those_of_their_vocabularies(reference: Path) -> None:
    closed: list[type[DefinedNamespace]] = [DCAT, DCTERMS, PROV, ODRL2, SKOS, SH]
    (catalog,) = (
        each
        for each in exports(reference).all("turtle", lambda *_: None)
        if each.name.startswith("catalog")
    )
    graph = Graph().parse(data=catalog.text, format="turtle")
    used = set(graph.predicates()) | set(graph.objects(None, RDF.type))
    checked = 0
    for namespace in closed:
        for term in used:
            if str(term).startswith(str(namespace)):
                assert URIRef(str(term)) in namespace or term in DCAT_3, term
                checked += 1
    assert checked > 25
    own = {str(term).removeprefix(DPROD) for term in used if str(term).startswith(DPROD)}
    assert own == {
        "DataProduct", "DataProductLifecycleStatus", "InformationSensitivityClassification",
        "dataProductOwner", "domain", "informationSensitivityClassification", "inputDataset",
        "isAccessServiceOf", "isDistributionOf", "lifecycleStatus", "outputDataset", "outputPort",
        "purpose",
    }  # fmt: skip
    # What DPROD's shapes ask of the classes at the other end.
    for predicate, kind in (
        ("outputPort", DCAT.DataService),
        ("outputDataset", DCAT.Dataset),
        ("inputDataset", DCAT.Dataset),
        ("isAccessServiceOf", DCAT.Distribution),
        ("isDistributionOf", DCAT.Dataset),
        ("dataProductOwner", PROV.Agent),
    ):
        ends = set(graph.objects(None, URIRef(DPROD + predicate)))
        assert ends
        assert all((end, RDF.type, kind) in graph for end in ends), predicate


def test_turtle_and_json_ld_say_the_same_and_text_stays_text(shop: Path) -> None:
    url = parse("mesh://shop/sales")
    (turtle,) = exports(shop).one(url, "turtle")
    (node,) = exports(shop).one(url, "dprod")
    graph = Graph().parse(data=turtle.text, format="turtle")
    assert isomorphic(graph, Graph().parse(data=node.text, format="json-ld"))
    page = URIRef(f"{BASE}/shop/sales")
    assert [str(each) for each in graph.objects(page, DCAT.keyword)] == [EVIL]
    assert (page, RDF.type, URIRef(f"{DPROD}DataProduct")) in graph
    assert not [t for t in graph if "http://evil" in str(t[0]) or str(t[2]) == "http://evil"]


def test_what_one_may_not_know_of_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = http_mesh(tmp_path)
    for form in FORMS:
        monkeypatch.setenv("MESH_PRINCIPAL", "person:ada@shop.example")
        names = {
            each.name for each in exports(root).all(form, lambda *told: pytest.fail(str(told)))
        }
        assert not [name for name in names if "secret" in name]
        assert [name for name in names if name.startswith("shop/sales.")]
        with pytest.raises(UnknownAddress):
            exports(root).one(parse("mesh://shop/secret"), form)


def test_events_and_documents_tell_no_values_that_one_may_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sales_mesh(tmp_path)
    monkeypatch.setenv("MESH_PRINCIPAL", "person:ada@shop.example")
    for form in FORMS:
        (found,) = exports(root).one(parse("mesh://shop/sales"), form)
        assert "mail.example" not in found.text
        assert "kosher" not in found.text
    event = checked_event(exports(root).one(parse("mesh://shop/sales"), "openlineage")[0].text)
    metrics = event["outputs"][0]["facets"]["dataQualityMetrics"]["columnMetrics"]
    assert "min" not in metrics["price"]  # confidential: not for those who read events


def checked_event(text: str) -> dict[str, Any]:
    from test_openlineage_events import checked

    return checked(json.loads(text))


def test_the_event_of_a_version_and_of_a_product_without_one(shop: Path) -> None:
    (published,) = exports(shop).one(parse("mesh://shop/sales"), "openlineage")
    event = checked_event(published.text)
    assert event["eventType"] == "COMPLETE"
    assert event["outputs"][0]["facets"]["version"]["datasetVersion"] == "0"
    (declared,) = exports(shop).one(parse("mesh://shop/returns"), "openlineage")
    event = checked_event(declared.text)
    assert event["schemaURL"].endswith("#/$defs/JobEvent")
    assert "run" not in event


def test_the_command_writes_files_or_to_standard_output(shop: Path, tmp_path: Path) -> None:
    done = mesh(shop, "export", "mesh://shop/sales", "--base", BASE)
    assert done.returncode == 0, done.stderr
    document = yaml.safe_load(done.stdout)
    assert document["id"] == "mesh://shop/sales"
    assert document["outputPorts"][0]["customProperties"] == [
        {"property": "mode", "value": "upsert"},
        {"property": "key", "value": ["id"]},
    ]
    done = mesh(shop, "export", "--all", "--format", "turtle", "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.ttl")}
    assert written == {"catalog.ttl", "shop/sales.ttl", "shop/returns.ttl"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "write a product's URL, or --all"),
        (("mesh://shop/sales", "--all"), "write a product's URL, or --all"),
        (("--all",), "name a folder"),
        (("mesh://shop/sale",), "mesh://shop/sales"),
        (("mesh://shop/sales", "--format", "xml"), "'odps', 'odcs'"),
        (("mesh://shop/sales/none",), "has no port 'none'; it has sales"),
        (("mesh://shop/sales", "--base", "ftp://x"), "'ftp://x' is not the address of a gateway"),
        (("mesh://shop/sales", "--base", "http://x/?a=1"), "is not the address of a gateway"),
        (("mesh://shop/sales", "--base", "http://[x"), "is not the address of a gateway"),
        (("--all", "--output", "mesh.yaml"), "'mesh.yaml' is a file; name a folder"),
        (("mesh://shop/sales", "--output", "domains"), "'domains' is a folder; name a file"),
    ],
)
def test_wrong_use_says_what_is_right(shop: Path, arguments: tuple[str, ...], said: str) -> None:
    done = mesh(shop, "export", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
