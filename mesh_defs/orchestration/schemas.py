"""Attributes that ``dg`` documents and checks by their schema, and that Dagster lets pass.

Dagster validates attributes before a component is asked, and one that fails takes its whole code
location down. Ours are validated when they are loaded, where a fault breaks one product alone.
"""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from mesh_defs.product.schema import domain_schema, product_schema


class AnyManifest(RootModel[Any]):
    """A product's attributes as they stand, with the manifest's schema."""

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401  as pydantic's
        """The schema of a manifest's attributes."""
        schema = product_schema()
        return {**schema["properties"]["attributes"], "$defs": schema["$defs"]}


class AnyDomain(RootModel[Any]):
    """A domain's attributes as they stand, with the domain manifest's schema."""

    @classmethod
    def model_json_schema(cls, *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401  as pydantic's
        """The schema of a domain's attributes."""
        attributes: dict[str, Any] = domain_schema()["anyOf"][0]["properties"]["attributes"]
        return attributes
