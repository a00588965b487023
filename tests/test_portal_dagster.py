"""The pages and Dagster's lead to each other."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from access_meshes import sales_mesh
from dagster_meshes import ORDERS, two_domains
from gateway_http import Served, served
from meshes import MESH_YAML, load, write

from mesh_defs.gateway.address import Place, noted
from mesh_defs.orchestration.checks import check_results, check_specs
from mesh_defs.orchestration.sensors import look
from mesh_defs.orchestration.tree import location
from mesh_defs.portal_address import portal_address
from mesh_defs.processes import identity
from mesh_defs.product.container import run_product
from mesh_defs.settings import load_settings

POLICIES = "policies:\n- {policy: MeaningDescribed, consequence: warn}\n"
RUN = "0f9c7c1e-3a55-4f6e-9a0e-5d3f0a1b2c3d"


def with_gateway(root: Path, **gateway: object) -> Path:
    profile = yaml.safe_load((root / "mesh.yaml").read_text())
    profile["profiles"]["local"]["gateway"] = gateway
    (root / "mesh.yaml").write_text(yaml.safe_dump(profile))
    return root


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = sales_mesh(tmp_path_factory.mktemp("dagster"))
    with_gateway(root, dagster_url="https://dagster.example/ui/")
    ledger = next(root.glob(".mesh/storage/shop/sales/ledger/*.json"))
    record = json.loads(ledger.read_text())
    ledger.unlink()
    ledger.write_text(json.dumps({**record, "run_id": RUN}))
    shutil.rmtree(root / ".mesh/storage/shop/sales/discovery", ignore_errors=True)
    with served(root) as found:
        yield found


def test_a_product_leads_to_its_asset_its_checks_and_its_run(mesh: Served) -> None:
    html = mesh.client("person:ada@shop.example", Accept="text/html").get("/shop/sales").text
    base = "https://dagster.example/ui"
    assert f'"{base}/assets/shop/sales/sales"' in html
    assert f'"{base}/assets/shop/sales/sales?view=checks"' in html
    assert f'"{base}/runs/{RUN}"' in html


def test_an_asset_leads_to_its_page(tmp_path: Path) -> None:
    root = with_gateway(two_domains(tmp_path), url="https://mesh.example/")
    specs = location("sales", root).resolve_all_asset_specs()
    found = next(spec for spec in specs if spec.key == ORDERS).metadata["portal"]
    assert found.value == "https://mesh.example/sales/orders/orders"


def test_checks_lead_to_the_page_of_their_port(tmp_path: Path) -> None:
    root = with_gateway(two_domains(tmp_path), url="https://mesh.example/")
    write(root, {"mesh.yaml": (root / "mesh.yaml").read_text() + POLICIES})
    mesh = load(root)
    product = mesh.product("mesh://sales/orders")
    page = "https://mesh.example/sales/orders/orders"
    sections = {"policy__MeaningDescribed": f"{page}#policies"}
    specs = check_specs(mesh, product)
    assert len(specs) > 2
    for spec in specs:
        wanted = sections.get(spec.name, f"{page}#trust")
        assert spec.metadata["portal"] == dg.MetadataValue.url(wanted)
    results = list(check_results(product, run_product(mesh, product), "https://mesh.example"))
    assert {each.check_name for each in results} >= {"policy__MeaningDescribed", "completeness"}
    for each in results:
        wanted = sections.get(each.check_name or "", f"{page}#trust")
        assert each.metadata["portal"] == dg.MetadataValue.url(wanted)


def test_what_was_published_outside_of_dagster_leads_to_its_page_too(tmp_path: Path) -> None:
    root = with_gateway(two_domains(tmp_path), url="https://mesh.example/")
    mesh = load(root)
    product = mesh.product("mesh://sales/orders")
    run_product(mesh, product)
    with dg.DagsterInstance.ephemeral() as instance:
        events = look(mesh, [product], instance).asset_events
    page = "https://mesh.example/sales/orders/orders"
    (version,) = [each for each in events if isinstance(each, dg.AssetMaterialization)]
    assert version.metadata["portal"] == dg.MetadataValue.url(f"{page}?version=0")
    checks = [each for each in events if isinstance(each, dg.AssetCheckEvaluation)]
    assert checks
    assert {each.metadata["portal"].value for each in checks} == {f"{page}#trust"}


def test_where_people_look_is_told_or_found_out(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    assert portal_address(load_settings(root)) is None
    settings = load_settings(with_gateway(root, port=8123))
    assert portal_address(settings) == "http://127.0.0.1:8123"
    place = Place("http://127.0.0.1:9", "", os.getpid(), identity(os.getpid()) or "")
    (settings.state / "gateway").mkdir(parents=True)
    with noted(settings, place):
        assert portal_address(settings) == "http://127.0.0.1:9"
    settings = load_settings(with_gateway(root, url="https://mesh.example"))
    assert portal_address(settings) == "https://mesh.example"


def test_without_dagster_there_is_no_link_to_it(tmp_path: Path) -> None:
    assert "gateway" not in MESH_YAML
    with served(sales_mesh(tmp_path)) as mesh:
        client = mesh.client("person:ada@shop.example", Accept="text/html")
        assert "Dagster" not in client.get("/shop/sales").text
