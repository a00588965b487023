"""Pages for a browser: plain, without scripts, everything escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mesh_defs.gateway.describe import as_dict
from mesh_defs.gateway.snippets import snippets

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.describe import ProductView

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def product_page(mesh: Gateway, product: ProductView, port: str | None) -> str:
    """The page of a product, or of one of its ports."""
    shown = [product.port(port)] if port is not None else list(product.ports)
    told = as_dict(product, mesh.base)
    ports = [each for each in told["ports"] if each["port"] in {one.name for one in shown}]
    ways = {one.name: snippets(mesh.base, mesh.flight, product.identity, one.name) for one in shown}
    template = _environment().get_template("product.html")
    return template.render(mesh=mesh.settings.name, product=told, ports=ports, ways=ways)
