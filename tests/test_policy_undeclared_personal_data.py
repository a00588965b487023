"""The policy ``UndeclaredPersonalData``, in a product's own run."""

from __future__ import annotations

from pathlib import Path

import pytest
from drift_meshes import publish, record, said, versions
from meshes import load

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.policy.data.personal import judge, look
from mesh_defs.product.report import RunReport

NAME = "UndeclaredPersonalData"
NOTE = "- {name: note, logicalType: string}\n"
CLEAN = "'seat ' || i || ', order ' || (7000000000 + i) || ', 2023-01-01 10:00'"


def asked(**limits: object) -> str:
    given = ", ".join(f"{name}: {limit}" for name, limit in limits.items())
    return f"- {{policy: {NAME}, with: {{{given}}}}}" if limits else f"- {NAME}"


def rows(note: str, count: int = 1000) -> str:
    return f"SELECT i AS id, {note} AS note FROM range({count}) t(i)"


def one(root: Path, note: str, properties: str = NOTE, **limits: object) -> RunReport:
    versions(root, asked(**limits), properties)
    return publish(root, rows(note))


def finding(verdict: Verdict) -> dict[str, object]:
    (found,) = verdict.findings
    return dict(found)


def test_one_address_in_a_thousand_rows_of_free_text(tmp_path: Path) -> None:
    text = f"CASE WHEN i = 700 THEN 'ask jane.roe@example.org' ELSE {CLEAN} END"
    report = one(tmp_path, text)
    assert report.outcome == "failed"
    verdict = said(report, NAME)
    assert verdict.outcome == "failed"
    assert verdict.blocking
    found = finding(verdict)
    assert found["message"] == (
        "'note': 1 of 1,000 rows (0.1%) hold e-mail addresses, and the contract classifies it as"
        " internal"
    )
    place = "domains/shop/things/contract.yaml"
    assert (found["file"], found["line"], found["column"]) == (place, 10, "note")
    assert f"classify it as personal in {place}:10" in str(found["fix"])
    assert (found["failing_rows"], found["rows"]) == (1, 1000)
    assert verdict.samples == ({"id": 700},)
    assert "jane" not in str(report)


def test_nearly(tmp_path: Path) -> None:
    text = f"CASE WHEN i = 700 THEN 'ask @jane or jane.roe(at)example.org' ELSE {CLEAN} END"
    assert one(tmp_path, text).outcome == "published"


@pytest.mark.parametrize("classification", ["personal", "sensitive"])
def test_what_is_declared_is_fine(tmp_path: Path, classification: str) -> None:
    properties = f"- {{name: note, logicalType: string, classification: {classification}}}\n"
    assert one(tmp_path, "'jane.roe@example.org'", properties).outcome == "published"


@pytest.mark.parametrize("classification", ["public", "internal", "confidential"])
def test_lesser_classifications_are_not(tmp_path: Path, classification: str) -> None:
    properties = f"- {{name: note, logicalType: string, classification: {classification}}}\n"
    assert one(tmp_path, "'jane.roe@example.org'", properties).outcome == "failed"


def test_several_kinds_are_told_apart(tmp_path: Path) -> None:
    text = (
        "CASE i % 4 WHEN 0 THEN 'call +49 30 1234567' WHEN 1 THEN '4111 1111 1111 1111' ELSE '' END"
    )
    verdict = said(one(tmp_path, text), NAME)
    counts = {(f["failing_rows"], str(f["message"]).split("hold ")[1].split(",")[0])
              for f in verdict.findings}  # fmt: skip
    assert counts == {(250, "telephone numbers"), (250, "numbers of payment cards")}


def test_by_name_alone(tmp_path: Path) -> None:
    properties = "- {name: first_name, logicalType: string}\n- {name: born, logicalType: date}\n"
    versions(tmp_path, asked(), properties)
    query = "SELECT i AS id, 'x' || i AS first_name, NULL::DATE AS born FROM range(10) t(i)"
    found = finding(said(publish(tmp_path, query), NAME))
    assert str(found["message"]).startswith(
        "'first_name': 10 of 10 rows (100.0%) should hold names of people by its name"
    )


def test_a_column_without_a_value_holds_nothing(tmp_path: Path) -> None:
    properties = (
        "- {name: date_of_birth, logicalType: date}\n- {name: email, logicalType: string}\n"
    )
    versions(tmp_path, asked(), properties)
    empty = "SELECT i AS id, NULL::DATE AS date_of_birth, NULL::VARCHAR AS email FROM range(9) t(i)"
    assert publish(tmp_path, empty).outcome == "published"
    some = empty.replace("NULL::DATE", "DATE '2000-01-01'")
    assert publish(tmp_path, some).outcome == "failed"


def test_types_and_lists_of_values_outvote_names(tmp_path: Path) -> None:
    properties = (
        "- {name: email, logicalType: boolean}\n"
        "- {name: phone, logicalType: string, enum: [{value: work}, {value: home}]}\n"
    )
    versions(tmp_path, asked(), properties)
    query = "SELECT i AS id, i > 3 AS email, 'work' AS phone FROM range(9) t(i)"
    assert publish(tmp_path, query).outcome == "published"


def test_a_list_of_values_with_an_address_in_it(tmp_path: Path) -> None:
    values = "[{value: none}, {value: ask jane@example.org}]"
    properties = f"- {{name: note, logicalType: string, enum: {values}}}\n"
    text = "CASE WHEN i < 3 THEN 'ask jane@example.org' ELSE 'none' END"
    assert finding(said(one(tmp_path, text, properties), NAME))["failing_rows"] == 3


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("object", "{'to': 'jane@example.org', 'n': i}"),
        ("array", "['a', 'jane@example.org']"),
        ("object", "{'deep': [{'x': 'call (212) 555-0123'}]}"),
        ("string", '\'{"to": "jane@example.org"}\''),
        ("object", "{'email': 'x'}"),
        ("array", "[{'home_address': 'x'}]"),
        ("array", "[4111111111111111]"),
    ],
)
def test_inside_columns(tmp_path: Path, type_: str, value: str) -> None:
    properties = f"- {{name: note, logicalType: {type_}}}\n"
    report = one(tmp_path, value, properties)
    assert finding(said(report, NAME))["failing_rows"] == 1000


def test_columns_that_the_contract_does_not_name(tmp_path: Path) -> None:
    versions(tmp_path, asked(), "")
    query = "SELECT i AS id, 'jane@example.org' AS extra FROM range(9) t(i)"
    verdict = said(publish(tmp_path, query), NAME)
    found = finding(verdict)
    assert str(found["message"]).endswith("and the contract does not name it")
    assert "declare it in domains/shop/things/contract.yaml" in str(found["fix"])


def test_numbers_of_cards_in_a_column_of_numbers(tmp_path: Path) -> None:
    properties = "- {name: note, logicalType: integer}\n"
    report = one(tmp_path, "4111111111111111", properties)
    assert finding(said(report, NAME))["failing_rows"] == 1000
    assert one(tmp_path, "4111111111111112", properties).outcome == "published"


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ("-4111111111111111", "-4111111111111112"),
        ("4111111111111111::DECIMAL(18, 2)", "4111111111111111::DECIMAL(18, 2) + 0.5"),
        ("-4111111111111111::DECIMAL(20, 1)", "(-4111111111111112)::DECIMAL(20, 1)"),
        ("4111111111111111::DECIMAL(38, 20)", "(-411111111111111111)::DECIMAL(38, 20)"),
        ("-4111111111111111::DOUBLE", "-4111111111111111::DOUBLE / 2"),
        ("4111111111111111::HUGEINT", "(-9223372036854775808)::BIGINT"),
    ],
)
def test_numbers_with_a_sign_or_a_fraction_of_nothing(
    tmp_path: Path, value: str, other: str
) -> None:
    properties = "- {name: note, logicalType: number}\n"
    assert finding(said(one(tmp_path, value, properties), NAME))["failing_rows"] == 1000
    assert one(tmp_path, other, properties).outcome == "published"


@pytest.mark.parametrize(
    "value",
    [
        "'mail jane@example.org'::BLOB",
        "encode('Grüße an jané@exämple.org')",
        "encode('Тел.: +49 30 1234567')",
        """encode('{"first_name": "Ann"}')""",
    ],
)
def test_text_kept_as_bytes(tmp_path: Path, value: str) -> None:
    mixed = f"CASE WHEN i % 2 = 0 THEN {value} ELSE from_hex(md5(i::VARCHAR)) END"
    assert finding(said(one(tmp_path, mixed), NAME))["failing_rows"] == 500


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    for value in ("from_hex(md5(i::VARCHAR))", "encode('a@b.co') || from_hex('00')",
                  "'\\xFFa@b.co'::BLOB", "''::BLOB"):  # fmt: skip
        assert one(tmp_path, value).outcome == "published", value


def test_keys_that_are_themselves_suspicious_are_not_shown(tmp_path: Path) -> None:
    versions(tmp_path, asked(), "- {name: mail, logicalType: string, primaryKey: true}\n")
    query = "SELECT i AS id, 'p' || i || '@example.org' AS mail FROM range(3) t(i)"
    report = publish(tmp_path, query)
    assert {row["mail"] for row in said(report, NAME).samples} == {"***"}
    assert "p1@" not in str(report)


def test_limits(tmp_path: Path) -> None:
    text = f"CASE WHEN i < 3 THEN 'jane@example.org' ELSE {CLEAN} END"
    assert one(tmp_path, text, minimum_rows=4).outcome == "published"
    assert one(tmp_path, text, minimum_rows=3).outcome == "failed"
    assert one(tmp_path, text, minimum_share=0.0031).outcome == "published"
    assert one(tmp_path, text, minimum_share=0.003).outcome == "failed"
    assert one(tmp_path, text, kinds="[phone, card]").outcome == "published"
    assert one(tmp_path, text, allow_columns="[note]").outcome == "published"
    address = "['mesh://shop/things/things#note']"
    assert one(tmp_path, text, allow_columns=address).outcome == "published"
    other = "['mesh://shop/other/things#note']"
    assert one(tmp_path, text, allow_columns=other).outcome == "failed"


@pytest.mark.parametrize(
    ("weaker", "said_so"),
    [
        ("kinds: [email]", "kinds"),
        ("allow_columns: [note]", "allow_columns"),
        ("minimum_rows: 2", "minimum_rows"),
        ("minimum_share: 0.5", "minimum_share"),
        ("name_share: 0.9", "name_share"),
    ],
)
def test_a_product_cannot_make_it_weaker(tmp_path: Path, weaker: str, said_so: str) -> None:
    from mesh_defs.product.load import load_mesh

    body = f"policies:\n- {{policy: {NAME}, with: {{{weaker}}}}}\n"
    versions(tmp_path, asked(), NOTE, body=body)
    assert any(said_so in fault.key for fault in load_mesh(tmp_path).faults)


def test_a_waiver_for_one_column(tmp_path: Path) -> None:
    versions(tmp_path, asked(), NOTE, waived=NAME)
    report = publish(tmp_path, rows("'jane@example.org'"))
    assert report.outcome == "published"
    assert said(report, NAME).outcome == "warned"
    assert record(tmp_path)


def test_ways_through_large_data_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of few values are looked at by value, many candidates are not kept: same counts."""
    text = (
        "CASE i % 5 WHEN 0 THEN 'mail jane@example.org' WHEN 1 THEN 'card 4111111111111111' WHEN 2"
        " THEN 'iban DE89 3704 0044 0532 0130 00' WHEN 3 THEN '85.07.30-033.28' ELSE 'x' END"
    )
    usual = said(one(tmp_path / "a", text), NAME).findings
    monkeypatch.setattr(look, "_WORTH_A_QUERY", 0)
    by_value = said(one(tmp_path / "b", text), NAME).findings
    monkeypatch.setattr(judge, "_KEPT", 0)
    again = said(one(tmp_path / "c", text), NAME).findings
    assert usual == by_value == again
    assert {f["failing_rows"] for f in usual} == {200}
    assert len(usual) == 4


def test_rules_that_hold_spare_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[str] = []
    usual = look.suspects

    def listening(port, columns):  # type: ignore[no-untyped-def]
        found = usual(port, columns)
        asked_for.extend(suspect.column for suspect in found)
        return found

    monkeypatch.setattr(look, "suspects", listening)
    properties = (
        "- {name: note, logicalType: string, logicalTypeOptions: {pattern: '^[0-9a-f]{32}$'}}\n"
        "- {name: free, logicalType: string}\n"
        "- {name: large, logicalType: integer}\n"
    )
    versions(tmp_path, asked(), properties)
    query = "SELECT i AS id, md5(i::VARCHAR) AS note, 'x' AS free, 10000000000 + i AS large"
    assert publish(tmp_path, f"{query} FROM range(9) t(i)").outcome == "published"
    assert sorted(asked_for) == ["free", "large"], "footers decide 'id', the pattern 'note'"


def test_an_empty_version(tmp_path: Path) -> None:
    versions(tmp_path, asked(), NOTE)
    report = publish(tmp_path, f"{rows('NULL::VARCHAR', 1)} LIMIT 0")
    assert said(report, NAME).outcome == "passed"
    assert load(tmp_path).governance.ids == {NAME}
