"""What the page on the discovery document calls *added* is what answers have and files have not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from commands import mesh as run_mesh
from gateway_http import served
from http_meshes import http_mesh

from mesh_defs.discovery.documents import discovery_document
from mesh_defs.product.described.keys import DOCUMENT, discovery_page
from mesh_defs.product.described.shapes import Shape
from mesh_defs.settings import load_settings

URL = "mesh://shop/odd"


def paths(value: Any, shape: Shape, at: str = "") -> Iterator[str]:
    """Every key of ``value`` that ``shape`` knows, as the page names it."""
    for each in value if isinstance(value, list) else [value]:
        for key in shape.keys:
            if isinstance(each, dict) and key.name in each:
                name = f"{at}{key.name}"
                yield name
                inner = f"{name}[]." if key.shape.many else f"{name}."
                yield from paths(each[key.name], key.shape, inner)


def marked(shape: Shape = DOCUMENT, at: str = "") -> Iterator[str]:
    for key in shape.keys:
        name = f"{at}{key.name}"
        if key.added:
            yield name
        else:
            yield from marked(key.shape, f"{name}[]." if key.shape.many else f"{name}.")


def test_added_keys_are_where_the_page_says(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    added = set(marked())
    assert added >= {"consumers", "usage_30d", "feedback", "ports[].state", "ports[].grants"}
    stored = discovery_document(load_settings(root), "shop/odd")
    assert added.isdisjoint(paths(stored, DOCUMENT))
    shown = json.loads(run_mesh(root, "show", URL, "--json").stdout)
    assert added & set(paths(shown, DOCUMENT)) == {"ports[].columns[].seen"}
    with served(root) as mesh:
        answer = mesh.client("service:reports").get("/shop/odd/discovery").json()
    assert added - set(paths(answer, DOCUMENT)) == {"damaged"}
    assert set(answer["ports"][0]) == {
        key.name for key in next(k for k in DOCUMENT.keys if k.name == "ports").shape.keys
    }


def test_the_page_marks_them() -> None:
    page = discovery_page()
    for name in marked():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert row.endswith(" *(added)* |")
    (row,) = [line for line in page.splitlines() if line.startswith("| `ports[].continues` |")]
    assert row.endswith(" *(optional)* |")
