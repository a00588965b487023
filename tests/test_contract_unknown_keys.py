"""Unknown keys and wrong types are faults wherever they stand, with line and nearest known key."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from contract_documents import document, faults, only_fault, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WHOLE: dict[str, Any] = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "x",
    "version": "1.0.0",
    "status": "active",
    "description": {"purpose": "p", "authoritativeDefinitions": [{"url": "u", "type": "t"}]},
    "team": {"name": "t", "members": [{"username": "u", "tags": ["a"]}]},
    "servers": [{"server": "s", "type": "custom", "roles": [{"role": "r"}]}],
    "roles": [{"role": "r", "access": "read"}],
    "support": [{"channel": "c"}],
    "price": {"priceAmount": 1.5},
    "schema": [
        {
            "name": "flights",
            "properties": [
                {
                    "name": "a",
                    "logicalType": "string",
                    "required": True,
                    "logicalTypeOptions": {"maxLength": 3},
                    "synonyms": [{"synonym": "b"}],
                    "quality": [
                        {
                            "metric": "invalidValues",
                            "mustBe": 0,
                            "arguments": {"validValues": ["x"]},
                        }
                    ],
                    "relationships": [{"to": "flights.a"}],
                },
                {
                    "name": "b",
                    "logicalType": "object",
                    "properties": [
                        {"name": "c", "logicalType": "array", "items": {"logicalType": "string"}}
                    ],
                },
            ],
        }
    ],
    "slaProperties": [{"property": "latency", "value": 1, "unit": "d"}],
}


def mappings(value: Any, path: tuple = ()) -> Iterator[tuple]:
    if isinstance(value, dict):
        yield path
        for key, child in value.items():
            yield from mappings(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from mappings(child, (*path, index))


def at(value: Any, path: tuple) -> Any:
    for key in path:
        value = value[key]
    return value


PATHS = list(mappings(WHOLE))


def test_the_whole_document_loads(tmp_path):
    contract, found = read(tmp_path, yaml.safe_dump(WHOLE))
    assert found == []
    assert contract is not None


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_an_unknown_key_is_a_fault_in_every_mapping(tmp_path, path):
    data = yaml.safe_load(yaml.safe_dump(WHOLE))
    at(data, path)["somethingElse"] = 1
    text = yaml.safe_dump(data, sort_keys=False)
    contract, found = read(tmp_path, text)
    assert contract is None
    (fault,) = found
    assert "somethingElse" in fault.found or "somethingElse" in fault.key
    assert "somethingElse" in text.splitlines()[fault.line - 1]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), data=st.data())
def test_any_broken_value_gives_faults_and_never_an_exception(tmp_path, path, data):
    values = yaml.safe_load(yaml.safe_dump(WHOLE))
    node = at(values, path)
    key = data.draw(st.sampled_from(sorted(node)))
    node[key] = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(st.text(max_size=4), inner, max_size=2)
            ),
            max_leaves=4,
        )
    )
    contract, found = read(tmp_path, yaml.safe_dump(values, allow_unicode=True))
    assert (contract is None) == bool(found)
    for fault in found:
        assert fault.file == "contract.yaml"
        assert fault.found
        assert fault.allowed
        assert fault.fix


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("requird: true", "required"),
        ("logicaltype: string", "logicalType"),
        ("uniqe: true", "unique"),
    ],
)
def test_the_nearest_key_is_named(tmp_path, wrong, nearest):
    fault = only_fault(tmp_path, f"- name: a\n  {wrong}\n- {{name: b, required: true}}\n")
    assert fault.fix == f"write '{nearest}' instead of '{wrong.split(':')[0]}'"
    assert fault.line == 11


def test_a_misspelt_operator_is_told_once(tmp_path):
    fault = only_fault(
        tmp_path, "- name: a\n  quality:\n    - {metric: nullValues, mustBeLesThan: 5}\n"
    )
    assert fault.fix == "write 'mustBeLessThan' instead of 'mustBeLesThan'"


@pytest.mark.parametrize(
    ("line", "key", "fix"),
    [
        ("required: 'yes'", "required", "write true or false, without quotes"),
        ("required: 1", "required", "write a value of the allowed form"),
        ("description: 12", "description", "put it in quotes: '12'"),
        ("tags: code", "tags", "write a list: one '- ' line for each item"),
        ("primaryKeyPosition: '1'", "primaryKeyPosition", "write a value of the allowed form"),
    ],
)
def test_values_are_not_bent_to_fit(tmp_path, line, key, fix):
    fault = only_fault(tmp_path, f"- name: a\n  unique: true\n  {line}\n")
    assert fault.key == f"schema[0].properties[0].{key}"
    assert fault.fix == fix


def test_all_faults_come_at_once_in_the_order_of_their_lines(tmp_path):
    found = faults(
        tmp_path,
        """
        - name: a
          requird: true
          classification: secret
          logicalType: strin
        - name: b
          quality:
            - {metric: nullValue, mustBe: 0}
            - {metric: nullValues}
          relationships: [{to: nowhere}]
        """,
        after="slaProperties: [{property: latency, value: soon, unit: fortnight}]\nextra: 1\n",
    )
    assert [fault.line for fault in found] == sorted(fault.line for fault in found)
    assert {fault.key.split(".")[-1] for fault in found} == {
        "requird",
        "classification",
        "logicalType",
        "metric",
        "quality[1]",
        "to",
        "value",
        "unit",
        "extra",
    }


def test_free_values_are_free(tmp_path):
    contract, found = read(
        tmp_path,
        document(
            "- {name: a, required: true, customProperties: [{property: p, value: {any: [1]}}]}\n"
        ),
    )
    assert found == []
    assert contract is not None


def test_unquoted_dates_are_read_as_their_text(tmp_path):
    contract, found = read(
        tmp_path,
        document(
            "- name: a\n"
            "  logicalType: date\n"
            "  logicalTypeOptions: {minimum: 2023-01-01}\n"
            "  examples: [2023-05-01]\n",
            after="contractCreatedTs: 2023-01-01T10:00:00Z\n",
        ),
    )
    assert found == []
    assert contract is not None
    assert contract.document.contractCreatedTs == "2023-01-01T10:00:00+00:00"
    assert contract.ports[0].rules[1].minimum == "2023-01-01"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "rule",
    [
        "{metric: nullValues, mustBeBetween: [low, 5]}",
        "{metric: nullValues, mustBe: 0, tags: [a, 5]}",
        "{metric: nullValues, mustBe: 0, arguments: [a]}",
    ],
)
def test_one_wrong_value_is_one_fault(tmp_path, rule):
    only_fault(tmp_path, f"- name: a\n  unique: true\n  quality:\n    - {rule}\n")


FREE = {
    "customProperties": "[{{property: p, value: {deep}}}]",
    "examples": "{deep}",
    "quality": "[{{metric: invalidValues, mustBe: 0, arguments: {{validValues: [x, {deep}]}}}}]",
}


@pytest.mark.parametrize("depth", [70, 300, 600, 900, 3000])
@pytest.mark.parametrize("key", FREE)
def test_no_depth_of_free_values_breaks_the_reader(tmp_path, key, depth):
    value = FREE[key].format(deep="[" * depth + "]" * depth)
    assert faults(tmp_path, f"- {{name: a, unique: true, {key}: {value}}}\n")


@pytest.mark.parametrize("key", FREE)
def test_free_values_may_be_nested(tmp_path, key):
    value = FREE[key].format(deep="[" * 20 + "]" * 20)
    contract, found = read(tmp_path, document(f"- {{name: a, unique: true, {key}: {value}}}\n"))
    assert found == []
    assert contract is not None


def test_deep_nesting_is_a_fault(tmp_path):
    inner: dict[str, Any] = {"logicalType": "string"}
    for _ in range(100):
        inner = {"logicalType": "array", "items": inner}
    data = {**WHOLE, "schema": [{"name": "a", "properties": [{"name": "x", **inner}]}]}
    contract, found = read(tmp_path, yaml.safe_dump(data))
    assert contract is None
    assert any("levels" in fault.allowed for fault in found)
