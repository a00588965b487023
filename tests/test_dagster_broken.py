"""What is broken is shown, and the rest of its domain and of the mesh works."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster_meshes import (
    ORDERS,
    TOTALS,
    contract,
    dagster_of,
    manifest,
    run,
    two_domains,
    write,
)

from mesh_defs.errors import InvalidMesh
from mesh_defs.orchestration.tree import every_location, location

REFUNDS = dg.AssetKey(["sales", "refunds", "refunds"])
_NOTES = "import dagster as dg\n\n@dg.asset\ndef notes() -> None: ...\n"
_SOUND_REFUNDS = {
    "domains/sales/refunds/contract.yaml": contract(
        "refunds", "- {name: id, logicalType: integer, required: true}\n"
    ),
    "domains/sales/refunds/refunds.sql": "SELECT 1 AS id",
}


def specs(definitions: dg.Definitions) -> dict[dg.AssetKey, dg.AssetSpec]:
    return {spec.key: spec for spec in definitions.resolve_all_asset_specs()}


def executable(definitions: dg.Definitions) -> set[dg.AssetKey]:
    return set(definitions.resolve_asset_graph().executable_asset_keys)


def broken(definitions: dg.Definitions, key: dg.AssetKey) -> str:
    """The faults that a broken asset shows; it cannot be run."""
    assert key not in executable(definitions)
    spec = specs(definitions)[key]
    assert "broken" in spec.kinds
    return str(spec.metadata["faults"].value)


def test_a_broken_manifest_is_shown_and_the_rest_works(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {
            "domains/sales/refunds/defs.yaml": manifest("inptus: {}\noutputs: {refunds: {}}"),
            **_SOUND_REFUNDS,
        },
    )
    definitions = location("sales", root)
    faults = broken(definitions, REFUNDS)
    assert "domains/sales/refunds/defs.yaml:7" in faults
    assert "write 'inputs' instead of 'inptus'" in faults
    references = specs(definitions)[REFUNDS].metadata["dagster/code_references"]
    assert references.code_references[0].line_number == 7
    assert ORDERS in executable(definitions)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS, TOTALS]).success


def test_a_syntax_error_is_shown_and_the_rest_works(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {"domains/sales/refunds/defs.yaml": "type: mesh_defs.DataProduct\nattributes: [unclosed\n"},
    )
    definitions = location("sales", root)
    faults = broken(definitions, dg.AssetKey(["sales", "refunds"]))
    assert "domains/sales/refunds/defs.yaml:" in faults
    assert "a list '[' that is not closed" in faults
    assert ORDERS in executable(definitions)
    assert {sensor.name for sensor in definitions.sensors or []} == {
        "sales__automation",
        "sales__sources",
    }
    assert {ORDERS, TOTALS} <= executable(every_location(root))


def test_a_cycle_breaks_its_products_and_nothing_else(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {
            "domains/sales/refunds/defs.yaml": manifest(
                "inputs: {credits: mesh://finance/credits}"
            ),
            **_SOUND_REFUNDS,
            "domains/finance/credits/defs.yaml": manifest("inputs: {r: mesh://sales/refunds}"),
            "domains/finance/credits/contract.yaml": contract(
                "credits", "- {name: id, logicalType: integer, required: true}\n"
            ),
            "domains/finance/credits/credits.sql": "SELECT id FROM r",
        },
    )
    definitions = every_location(root)
    for key in (REFUNDS, dg.AssetKey(["finance", "credits", "credits"])):
        assert "a cycle: finance/credits -> sales/refunds -> finance/credits" in broken(
            definitions, key
        )
    assert {ORDERS, TOTALS} <= executable(definitions)


def test_a_consumer_of_a_broken_product_stays_sound(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    write(root, {"domains/sales/orders/defs.yaml": manifest("nonsense: true")})
    definitions = location("finance", root)
    assert TOTALS in executable(definitions)
    assert specs(definitions)[ORDERS].description == "This product is broken."


def test_a_domain_without_its_own_file_keeps_its_products(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    (root / "domains/sales/defs.yaml").unlink()
    definitions = location("sales", root)
    assert executable(definitions) == {ORDERS}
    assert len(list(definitions.sensors or [])) == 2


def test_plain_dagster_definitions_live_beside_products(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {
            "domains/sales/extra.py": _NOTES,
            "domains/sales/folder/__init__.py": "",
            "domains/sales/folder/more.py": "import dagster\nspec = dagster.AssetSpec('outside')\n",
        },
    )
    assert executable(location("sales", root)) == {ORDERS, dg.AssetKey("notes")}
    write(root, {"domains/sales/refunds/defs.yaml": "a: b: c"})
    parts = location("sales", root)
    assert executable(parts) == {ORDERS, dg.AssetKey("notes")}
    assert dg.AssetKey("outside") in specs(parts)


def test_broken_python_beside_products_is_shown(tmp_path: Path) -> None:
    root = write(two_domains(tmp_path), {"domains/sales/extra.py": "{}['missing']\n"})
    definitions = location("sales", root)
    assert "KeyError: 'missing'" in broken(definitions, dg.AssetKey(["sales", "extra"]))
    assert ORDERS in executable(definitions)


def test_an_asset_key_of_another_domains_product_is_an_error(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {
            "domains/finance/thief.py": """
                import dagster as dg

                @dg.asset(key=["sales", "orders", "orders"])
                def thief() -> None: ...
                """
        },
    )
    with pytest.raises(InvalidMesh) as raised:
        location("finance", root)
    message = str(raised.value)
    assert "domains/finance/thief.py:3" in message
    assert "sales/orders/orders" in message
    assert "domains/sales/orders/defs.yaml:" in message
    assert ORDERS in executable(location("sales", root))
    everything = every_location(root)
    assert ORDERS in executable(everything)
    assert "thief.py" in broken(everything, dg.AssetKey("finance"))


def test_an_asset_key_twice_in_one_domain_is_an_error(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path), {"domains/sales/one.py": _NOTES, "domains/sales/two.py": _NOTES}
    )
    with pytest.raises(InvalidMesh) as raised:
        location("sales", root)
    assert "domains/sales/two.py:3" in str(raised.value)
    assert "domains/sales/one.py:3" in str(raised.value)


def test_a_stub_that_a_domain_writes_itself_is_no_conflict(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {
            "domains/finance/stubs.py": "import dagster as dg\n"
            "spec = dg.AssetSpec(['sales', 'orders', 'orders'], description='Ours.')\n"
        },
    )
    assert specs(location("finance", root))[ORDERS].description == "Ours."


def test_a_change_is_seen_without_a_new_process(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    assert REFUNDS not in specs(location("sales", root))
    write(root, {"domains/sales/refunds/defs.yaml": manifest(), **_SOUND_REFUNDS})
    assert REFUNDS in executable(location("sales", root))


def test_a_location_of_no_domain_names_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mesh_defs.locations

    monkeypatch.setenv("MESH_ROOT", str(two_domains(tmp_path)))
    with pytest.raises(AttributeError, match=r"finance, sales.*write 'sales' instead of 'sale'"):
        _ = mesh_defs.locations.sale
