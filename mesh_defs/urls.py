"""Global URLs: ``mesh://<domain>/<product>[/<port>][@<major>][?version=|as_of=][#<column>]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from mesh_defs.errors import UnknownAddress

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
NAME_RULE = "lower case letters, digits and underscores, starting with a letter"
FORM = "mesh://<domain>/<product>[/<port>][@<major>][?version=<n>|?as_of=<timestamp>][#<column>]"


@dataclass(frozen=True, slots=True)
class MeshUrl:
    """A parsed global URL. ``as_of`` is an aware timestamp (UTC when the text had no zone)."""

    domain: str
    product: str
    port: str | None = None
    major: int | None = None
    version: int | None = None
    as_of: datetime | None = None
    column: str | None = None

    def __str__(self) -> str:
        text = f"mesh://{self.domain}/{self.product}"
        if self.port is not None:
            text += f"/{self.port}"
        if self.major is not None:
            text += f"@{self.major}"
        if self.version is not None:
            text += f"?version={self.version}"
        elif self.as_of is not None:
            text += f"?as_of={self.as_of.isoformat()}"
        if self.column is not None:
            text += f"#{self.column}"
        return text

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.domain}/{self.product}"

    def product_url(self) -> MeshUrl:
        """The product alone: no port, no version, no column."""
        return MeshUrl(self.domain, self.product)

    def with_port(self, port: str) -> MeshUrl:
        """The same address with its port written out."""
        return replace(self, port=port)


def is_mesh_url(text: str) -> bool:
    """Whether ``text`` starts like a global URL."""
    return text.startswith("mesh://")


def parse(text: str) -> MeshUrl:
    """Parse a global URL; raises `UnknownAddress` that says what is wrong and the allowed form."""
    if not is_mesh_url(text):
        raise UnknownAddress(f"'{text}' is not a global URL; the form is {FORM}")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UnknownAddress(
            f"'{text}' is not a global URL ({error}); the form is {FORM}"
        ) from None
    path, at, major_text = (parts.netloc + parts.path).partition("@")
    names = path.rstrip("/").split("/")
    if len(names) not in (2, 3):
        raise UnknownAddress(f"'{text}' needs a domain and a product; the form is {FORM}")
    for name in names:
        if not NAME.match(name):
            raise UnknownAddress(f"'{name}' in '{text}' is not a name: {NAME_RULE}")
    if at and not major_text.isdecimal():
        raise UnknownAddress(f"'@{major_text}' in '{text}' is not a major version such as @1")
    version, as_of = _query(text, parts.query)
    return MeshUrl(
        domain=names[0],
        product=names[1],
        port=names[2] if len(names) == 3 else None,
        major=int(major_text) if at else None,
        version=version,
        as_of=as_of,
        column=parts.fragment or None,
    )


def _query(text: str, query: str) -> tuple[int | None, datetime | None]:
    values = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(values) - {"version", "as_of"})
    if unknown:
        raise UnknownAddress(f"'{unknown[0]}' in '{text}' is unknown; allowed: version, as_of")
    if len(values) == 2:
        raise UnknownAddress(f"'{text}' has both version and as_of; give one of them")
    if "version" in values:
        if not values["version"].isdecimal():
            raise UnknownAddress(
                f"version '{values['version']}' in '{text}' is not a number from 0"
            )
        return int(values["version"]), None
    if "as_of" in values:
        return None, parse_time(values["as_of"], text)
    return None, None


def parse_time(value: str, where: str) -> datetime:
    """An ISO 8601 timestamp, UTC when it names no zone; raises `UnknownAddress`."""
    try:
        # In a query string a '+' of the zone arrives as a space.
        moment = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value)
    except ValueError:
        raise UnknownAddress(
            f"as_of '{value}' in '{where}' is not a timestamp such as 2023-06-01T00:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
