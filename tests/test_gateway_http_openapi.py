"""The OpenAPI document is true: whatever is asked, answers are as it says, and none is a failure of
the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import QUERIERS, http_mesh
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

ADA = "person:ada@shop.example"
SHARING = "/-/sharing/"  # whose answers another protocol fixes
REAL = {"domain": "shop", "product": "odd", "port": "odd", "share": "shop", "schema": "odd"}
REAL["table"] = "odd"
EXAMPLES = 20  # of each operation
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(http_mesh(tmp_path_factory.mktemp("openapi"), READERS + QUERIERS)) as found:
        found.gateway.limiter._requests._most = 1e9
        yield found


def test_answers_are_as_the_document_says(mesh: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{mesh.base}/-/openapi.json")
    asked = failed = ""
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(SHARING):
            continue
        try:
            _try(operation, mesh.token(ADA))
        except BaseException as error:  # noqa: BLE001  a group of failures, told together with those of other operations
            failed += f"\n\n{operation.method} {operation.path}: {error}"
        asked += f"{operation.path} "
    assert not failed, failed
    assert "/{domain}/{product}/{port}/data" in asked


def _try(operation: schemathesis.APIOperation, token: str) -> None:
    @given(case=operation.as_strategy(), real=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case, real: bool) -> None:
        if real:
            case.path_parameters |= {k: v for k, v in REAL.items() if k in case.path_parameters}
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=CHECKS)

    check()


def test_every_operation_says_what_it_is_for(mesh: Served) -> None:
    document = mesh.client().get("/-/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            if not path.startswith(SHARING):
                assert "422" not in operation["responses"], (method, path)
