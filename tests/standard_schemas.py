"""The official schemas of standards, as packages on PyPI carry them."""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import files
from importlib.resources import files as resources
from typing import Any

from jsonschema import Draft201909Validator, FormatChecker


def odps_validator() -> Draft201909Validator:
    """For the Open Data Product Standard 1.0.0: Bitol's own schema in dataproduct-cli, of which
    only this file is used."""
    name = "odps-1.0.0.schema.json"
    (found,) = (each for each in files("dataproduct-cli") or () if each.name == name)
    return _validator(json.loads(found.locate().read_text(encoding="utf-8")))


def odcs_validator() -> Draft201909Validator:
    """For the Open Data Contract Standard: Bitol's own package has the schema of 3.2.0, which is
    also that of documents of 3.1.0."""
    file = resources("open_data_contract_standard") / "schema.json"
    return _validator(json.loads(file.read_text(encoding="utf-8")))


def _validator(schema: dict[str, Any]) -> Draft201909Validator:
    Draft201909Validator.check_schema(schema)
    return Draft201909Validator(schema, format_checker=FormatChecker())


def faults(validator: Draft201909Validator, document: object) -> list[str]:
    """What ``validator`` has against ``document``, whose days YAML may have read as such."""
    found = validator.iter_errors(_plain(document))
    return [f"{list(each.absolute_path)}: {each.message[:200]}" for each in found]


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
