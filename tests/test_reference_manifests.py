"""The reference mesh as it is declared: complete, described, classified, meaningful."""

from __future__ import annotations

import pytest
from reference_data import ROOT

from mesh_defs.contract.rules import ColumnType, Custom, NotNull, Retention
from mesh_defs.product.load import load_mesh

MESH = load_mesh(ROOT)
PRODUCTS = {
    "care/delay_risk": ("consumer-aligned", "python"),
    "fleet/aircraft": ("source-aligned", "sql"),
    "network/airports": ("source-aligned", "dbt"),
    "network/carriers": ("source-aligned", "dbt"),
    "network/routes": ("aggregate", "dbt"),
    "operations/flights": ("source-aligned", "sql"),
    "passengers/bookings": ("source-aligned", "python"),
    "punctuality/delay_causes": ("aggregate", "dbt"),
    "punctuality/on_time_performance": ("aggregate", "dbt"),
    "weather/observations": ("source-aligned", "sql"),
}
PORTS = {
    f"{product.identity}/{output.name}": output
    for product in MESH.products.values()
    for output in product.outputs
}


def test_the_products_are_the_ones_that_were_asked_for() -> None:
    assert not MESH.broken
    found = {
        product.identity: (product.manifest.archetype, product.transform.kind)
        for product in MESH.products.values()
    }
    assert found == PRODUCTS


def test_every_mode_is_shown() -> None:
    assert {output.mode for output in PORTS.values()} == {
        "append",
        "partition",
        "snapshot",
        "upsert",
    }


@pytest.mark.parametrize("identity", PRODUCTS)
def test_products_tell_what_they_are_good_for_and_what_not(identity: str) -> None:
    manifest = MESH.products[identity].manifest
    assert manifest.purpose
    assert manifest.limitations
    assert manifest.usage
    assert manifest.tags


@pytest.mark.parametrize("port", PORTS)
def test_columns_are_described_and_classified(port: str) -> None:
    promise = PORTS[port].promise
    for column in promise.columns:
        assert column.description, column.name
        assert column.logical_type, column.name
        assert column.physical_type, column.name
    assert promise.primary_key


@pytest.mark.parametrize(
    "port",
    [
        "operations/flights/flights",
        "weather/observations/observations",
        "fleet/aircraft/aircraft",
        "network/airports/airports",
        "network/routes/routes",
        "passengers/bookings/bookings",
        "punctuality/on_time_performance/on_time_performance",
        "punctuality/delay_causes/delay_causes",
        "care/delay_risk/delay_risk",
    ],
)
def test_larger_ports_have_at_least_ten_rules_beyond_types_and_nulls(port: str) -> None:
    rules = [
        rule
        for rule in PORTS[port].promise.rules
        if not isinstance(rule, ColumnType | NotNull | Retention)
    ]
    assert len(rules) >= 10


def test_synthetic_people_are_labelled_and_their_columns_protected() -> None:
    product = MESH.products["passengers/bookings"]
    assert "synthetic" in product.manifest.tags
    assert "SYNTHETIC" in product.manifest.purpose
    assert "Synthetic" in (product.manifest.limitations or "")
    assert product.output("bookings").promise.personal_columns == {
        "passenger_id",
        "given_name",
        "family_name",
        "email",
        "phone",
        "birth_date",
        "meal",
        "assistance",
    }
    others = [name for name, port in PORTS.items() if port.promise.personal_columns]
    assert others == ["passengers/bookings/bookings"]


def test_rules_of_other_engines_are_among_the_promises() -> None:
    engines = {
        rule.engine
        for output in PORTS.values()
        for rule in output.promise.rules
        if isinstance(rule, Custom)
    }
    assert engines == {"dbt", "greatExpectations"}
