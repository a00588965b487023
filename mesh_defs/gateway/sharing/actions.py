"""The lines of the protocol's answers: protocol, metadata and files, in its Parquet form and in
Delta's (protocol: "API Response Actions in Parquet Format", "… in Delta Format")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.sharing.names import identifier
from mesh_defs.gateway.sharing.schema import has_no_zone, schema_text

if TYPE_CHECKING:
    from mesh_defs.gateway.handed import HandedFile, Handout
    from mesh_defs.gateway.reads.reading import Reading
    from mesh_defs.gateway.sharing.schema import Fields
    from mesh_defs.product.ledger import PortRecord

CAPABILITIES = "delta-sharing-capabilities"
_FORMAT = "responseformat"
_FORMS = ("parquet", "delta")
_FEED, _NO_ZONE = "changeDataFeed", "timestampNtz"
# Delta's kernel fetches a URL over HTTP only where its query has a name that signed URLs of one of
# some stores have, such as Azure's signed permissions; ours are signed in their path.
_SIGNED = "sp=r"
_OPTIONS = {"provider": "parquet", "options": {}}


def wants_delta(capabilities: str | None) -> bool:
    """Whether the header ``delta-sharing-capabilities`` asks for Delta's form: for that alone. Who
    takes both gets Parquet's, which tells all that our tables have."""
    for part in (capabilities or "").lower().split(";"):
        name, _, values = part.partition("=")
        if name.strip() == _FORMAT:
            forms = [value.strip() for value in values.split(",") if value.strip() in _FORMS]
            return bool(forms) and "parquet" not in forms
    return False


@dataclass(frozen=True, slots=True)
class Form:
    """How lines are written; ``base`` is the gateway's address, for URLs. ``dated`` adds versions
    and times to the files of a snapshot."""

    delta: bool
    base: str
    dated: bool = False

    @property
    def capabilities(self) -> str:
        """The header that tells the form."""
        return f"{_FORMAT}={'delta' if self.delta else 'parquet'}"

    def protocol(self, columns: Fields) -> str:
        """The first line."""
        if not self.delta:
            return _line("protocol", {"minReaderVersion": 1})
        told: dict[str, Any] = {"minReaderVersion": 1, "minWriterVersion": 4}
        if has_no_zone(columns):
            told = {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": [_NO_ZONE],
                "writerFeatures": [_NO_ZONE, _FEED],
            }
        return _line("protocol", {"deltaProtocol": told})

    def metadata(self, reading: Reading, columns: Fields, *, versioned: bool = False) -> str:
        """What ``reading`` is of; ``versioned`` adds its version."""
        opened = reading.opened
        feed = "delta.enableChangeDataFeed" if self.delta else "enableChangeDataFeed"
        table: dict[str, Any] = {
            "id": identifier(opened.version.identity, opened.version.port),
            "name": opened.version.port,
            "format": _OPTIONS if self.delta else {"provider": "parquet"},
            "schemaString": schema_text(columns, delta=self.delta),
            "partitionColumns": [],
            "configuration": {feed: "true", **configuration(reading)},
        }
        if opened.output.promise.description:
            table["description"] = opened.output.promise.description
        told: dict[str, Any] = {}
        if versioned:
            told["version"] = opened.version.record.version
        if reading.in_place:
            told |= {"size": _port(reading).bytes, "numFiles": _port(reading).files}
        if self.delta:
            table["createdTime"] = milliseconds(reading)
            return _line("metaData", {**told, "deltaMetadata": table})
        return _line("metaData", {**table, **told})

    def file(self, handout: Handout, file: HandedFile, stats: str, *, changes: bool = False) -> str:
        """A file whose rows are there, or (``changes``) were added with its version."""
        told = self._common(handout, file, dated=self.dated or changes)
        if self.delta:
            added = self._delta(handout, file) | {"dataChange": True, "stats": stats}
            added["modificationTime"] = milliseconds(handout.reading)
            return self._single(told, "add", added)
        kind = "add" if changes else "file"
        return _line(kind, {**self._url(handout, file, told), "stats": stats})

    def changed(self, handout: Handout, file: HandedFile) -> str:
        """A file of rows that say what happened to them."""
        told = self._common(handout, file, dated=True)
        if self.delta:
            cdc = self._delta(handout, file) | {"dataChange": False}
            return self._single(told, "cdc", cdc)
        return _line("cdf", self._url(handout, file, told))

    def removed(self, handout: Handout, file: HandedFile, version: Reading) -> str:
        """A file whose rows went with ``version``."""
        told = self._common(handout, file, dated=True) | _dates(version)
        if self.delta:
            gone = self._delta(handout, file) | {"dataChange": True}
            gone |= {"deletionTimestamp": milliseconds(version), "extendedFileMetadata": True}
            return self._single(told, "remove", gone)
        return _line("remove", self._url(handout, file, told))

    def end(self, earliest: int | None) -> str:
        """The last line, for who asked for one; ``earliest`` is when the first URL ends, in
        milliseconds."""
        return _line(
            "endStreamAction", {} if earliest is None else {"minUrlExpirationTimestamp": earliest}
        )

    def _common(self, handout: Handout, file: HandedFile, *, dated: bool) -> dict[str, Any]:
        told = {"id": file.id, "size": file.size, "expirationTimestamp": handout.expires_ms}
        return told | _dates(handout.reading) if dated else told

    def _url(self, handout: Handout, file: HandedFile, told: dict[str, Any]) -> dict[str, Any]:
        return {"url": self.base + handout.path(file), "partitionValues": {}, **told}

    def _delta(self, handout: Handout, file: HandedFile) -> dict[str, Any]:
        path = f"{self.base}{handout.path(file)}?{_SIGNED}"
        return {"path": path, "partitionValues": {}, "size": file.size}

    def _single(self, told: dict[str, Any], kind: str, action: dict[str, Any]) -> str:
        return _line("file", {**told, "deltaSingleAction": {kind: action}})


def configuration(reading: Reading) -> dict[str, str]:
    """The state of the port and what of it is not seen in clear, as texts."""
    told: dict[str, str] = {}
    for name, value in reading.state.as_dict().items():
        if isinstance(value, dict):
            told |= {f"mesh.{name}.{kind}": str(count) for kind, count in value.items()}
        elif value is not None:
            told[f"mesh.{name}"] = value if isinstance(value, str) else json.dumps(value)
    told["mesh.url"] = str(reading.url)
    told["mesh.masked"] = json.dumps(list(reading.masked))
    told["mesh.row_filter"] = json.dumps(reading.decision.row_filter is not None)
    if reading.grant is not None:
        told |= {f"mesh.grant.{k}": str(v) for k, v in reading.grant.terms().items() if v}
    return told


def milliseconds(reading: Reading) -> int:
    """When the version was published, in milliseconds since 1970."""
    return int(reading.opened.version.record.time.timestamp() * 1000)


def _dates(reading: Reading) -> dict[str, int]:
    return {
        "version": reading.opened.version.record.version,
        "timestamp": milliseconds(reading),
    }


def _port(reading: Reading) -> PortRecord:
    return reading.opened.version.record.ports[reading.opened.version.port]


def _line(name: str, value: dict[str, Any]) -> str:
    return json.dumps({name: value}, separators=(",", ":"))
