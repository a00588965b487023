"""Which form a client takes: by quality, by how exact a range is, and never another version."""

from __future__ import annotations

import pytest

from mesh_defs.gateway.errors import NotAcceptable
from mesh_defs.gateway.http.accept import choose

ODCS = "application/odcs+yaml"
OFFERED = {"application/json": "json", "text/html": "html", f"{ODCS};version=3.1.0": "odcs"}


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("*/*", "json"),
        (ODCS, "odcs"),
        (f"{ODCS};version=3.1.0", "odcs"),
        (f'{ODCS}; version="3.1.0"', "odcs"),
        (f"{ODCS};version=v3.1.0", "odcs"),
        (f"{ODCS};version=3.1", "odcs"),
        (f"{ODCS};version=3", "odcs"),
        (f"{ODCS};charset=utf-8", "odcs"),
        ("text/html;charset=utf-8, application/json;q=0.5", "html"),
        (f"{ODCS};version=2.0.0, text/html;q=0.1", "html"),
        (f"{ODCS};version=2.0.0, {ODCS};version=3.1.0;q=0.5", "odcs"),
        (f"{ODCS}, {ODCS};version=3.1.0;q=0, text/html;q=0.1", "html"),
        (f"{ODCS};q=0.2, text/html;q=0.1", "odcs"),
    ],
)
def test_what_is_taken(accept: str | None, form: str) -> None:
    assert choose(accept, OFFERED, "json") == form


@pytest.mark.parametrize("version", ["2.0.0", "3.1.00", "3.1.0.0", "31", "", "3.1.0-rc"])
def test_another_version_is_not_taken_for_the_one_there_is(version: str) -> None:
    with pytest.raises(NotAcceptable, match=r"version=3\.1\.0"):
        choose(f"{ODCS};version={version}", OFFERED, "json")
