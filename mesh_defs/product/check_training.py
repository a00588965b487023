"""Whether the port that shows how a product was evaluated is one of the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean, relative
from mesh_defs.product.load import FILE
from mesh_defs.urls import is_mesh_url, parse
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.faults import Fault
    from mesh_defs.product.model import Mesh, Product

_PATH = ("attributes", "training", "evaluation")
_FORM = "how it was evaluated in words, or mesh://<domain>/<product>[/<port>]"
# Found, allowed and fix.
_Wrong = tuple[str, str, str]


def training_faults(mesh: Mesh) -> Iterator[Fault]:
    """Every ``training.evaluation`` that is a URL and names no port of ``mesh``, on its line."""
    for product in mesh.products.values():
        training = product.manifest.training
        if training is None or not is_mesh_url(training.evaluation):
            continue
        wrong = _wrong(mesh, training.evaluation)
        if wrong is not None:
            yield from _at_its_line(mesh, product, wrong)


def _wrong(mesh: Mesh, text: str) -> _Wrong | None:
    try:
        url = parse(text)
    except UnknownAddress as error:
        return str(error), _FORM, "mend the URL, or say it in words"
    if url.identity in mesh.broken:
        return None  # Its own faults are shown.
    product = mesh.products.get(url.identity)
    if product is None:
        known = [f"mesh://{name}" for name in sorted({*mesh.products, *mesh.broken})]
        address = f"mesh://{url.identity}"
        return f"unknown product {address}", ", ".join(known), did_you_mean(address, known)
    names = [output.name for output in product.outputs]
    port = url.port or product.main_port
    if port not in names:
        fix = did_you_mean(port, names)
        return f"unknown port '{port}' of mesh://{url.identity}", ", ".join(names), fix
    major = product.manifest.major
    if url.major is not None and url.major > major:
        found = f"major version @{url.major} of mesh://{url.identity}"
        return found, f"up to @{major}", f"write @{major}"
    columns = [column.name for column in product.output(port).promise.columns]
    if url.column is not None and url.column not in columns:
        fix = did_you_mean(url.column, columns)
        return f"unknown column '{url.column}' of {text}", ", ".join(columns), fix
    return None


def _at_its_line(mesh: Mesh, product: Product, wrong: _Wrong) -> Iterator[Fault]:
    file = product.folder / FILE
    documents, _ = read_documents(file, relative(file, mesh.root), smallest="")
    found, allowed, fix = wrong
    for document in documents:
        yield document.fault(_PATH, found=found, allowed=allowed, fix=fix)
