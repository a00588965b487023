"""How to read a port, ready to paste, tool by tool. No token stands in any of them: they read it
from the variable ``MESH_TOKEN``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesh_defs.errors import MeshError
from mesh_defs.faults import did_you_mean
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN = "MESH_TOKEN"  # noqa: S105  the variable's name


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way of reading: for which ``tool``, in which ``language`` (for highlighting)."""

    tool: str
    language: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """The snippet as JSON values."""
        return {"tool": self.tool, "language": self.language, "text": self.text}


def snippets(
    base: str, flight: str, identity: str, port: str, purpose: str | None = None
) -> list[Snippet]:
    """Every way to read ``port`` of ``identity`` (``<domain>/<product>``) through the gateway at
    ``base``, whose Flight SQL answers at ``flight`` (``grpc://host:port``)."""
    domain, _, product = identity.partition("/")
    url = f"mesh://{identity}/{port}"
    data = f"{base}/{identity}/{port}/data"
    asked = f"&purpose={purpose}" if purpose else ""
    named = f", purpose={purpose!r}" if purpose else ""
    table = ".".join(quote(name) for name in (domain, product, port))
    values: Mapping[str, str] = {
        "base": base,
        "flight": flight,
        "host": urlsplit(base).hostname or "localhost",
        "url": url,
        "data": data,
        "asked": asked,
        "named": named,
        "table": table,
        "share": f"{domain}.{product}.{port}",
        "token": TOKEN,
    }
    return [Snippet(tool, language, text.format(**values)) for tool, language, text in _TEXTS]


def chosen(every: list[Snippet], tool: str | None) -> list[Snippet]:
    """Those for ``tool``, by the first word of its name; all without one. Raises `MeshError`."""
    if tool is None:
        return every
    found = [one for one in every if one.tool.lower().startswith(tool.lower())]
    if not found:
        names = [one.tool.lower() for one in every]
        fix = did_you_mean(tool, names)
        raise MeshError(f"no snippet for '{tool}'; allowed: {', '.join(names)}. Fix: {fix}")
    return found


_TEXTS = (
    (
        "Python",
        "python",
        """import os
import mesh_defs as mesh

with mesh.connect("{base}", token=os.environ["{token}"]) as gateway:
    table = gateway.open("{url}"{named}).arrow()""",
    ),
    (
        "SQL",
        "bash",
        """curl -sS "{base}/query?format=csv{asked}" \\
  -H "Authorization: Bearer ${token}" -H "Content-Type: application/sql" \\
  --data 'SELECT * FROM {table} LIMIT 10'""",
    ),
    (
        "pandas",
        "python",
        """import os
import pandas as pd

head = {{"Authorization": "Bearer " + os.environ["{token}"]}}
frame = pd.read_parquet("{data}?format=parquet{asked}", storage_options=head)""",
    ),
    (
        "polars",
        "python",
        """import io, os
import urllib.request
import polars as pl

head = {{"Authorization": "Bearer " + os.environ["{token}"]}}
request = urllib.request.Request("{data}?format=parquet{asked}", headers=head)
frame = pl.read_parquet(io.BytesIO(urllib.request.urlopen(request).read()))""",
    ),
    (
        "DuckDB",
        "sql",
        """INSTALL httpfs; LOAD httpfs;
CREATE SECRET mesh (TYPE http, SCOPE '{base}/',
  EXTRA_HTTP_HEADERS MAP {{'Authorization': 'Bearer ' || getenv('{token}')}});
FROM read_parquet('{data}?format=parquet{asked}');""",
    ),
    (
        "Flight SQL (ADBC)",
        "python",
        """import os
from adbc_driver_flightsql import DatabaseOptions, dbapi

head = {{DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer " + os.environ["{token}"]}}
with dbapi.connect("{flight}", db_kwargs=head) as connection, connection.cursor() as cursor:
    cursor.execute('SELECT * FROM {table}')
    table = cursor.fetch_arrow_table()""",
    ),
    (
        "Spark",
        "python",
        """# mesh open {url} --sharing-profile mesh.share
frame = (
    spark.read.format("deltaSharing")  # with the package io.delta:delta-sharing-spark
    .load("mesh.share#{share}")
)""",
    ),
    (
        "Power BI",
        "text",
        """Get data > Delta Sharing
Server URL:   {base}/-/sharing
Bearer token: a lease, from: mesh open {url} --lease 8h""",
    ),
    (
        "curl",
        "bash",
        """curl -sS "{data}?format=csv&limit=10{asked}" -H "Authorization: Bearer ${token}" """,
    ),
)
