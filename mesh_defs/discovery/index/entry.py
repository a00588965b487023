"""What is searched of a product's discovery document: one entry for each of its ports, since a
caller may know of one port and not of another. Documents come from other meshes too: nothing in
them is believed to have the right form."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.unseen import CONTROLS, UNSEEN
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HERE = ""
TRUST = ("kept", "warned", "unproven")
_LONGEST_NAME = 128
_LONGEST_TEXT = 4_000
_LONGEST_DESCRIPTION = 500
_MOST_COLUMNS = 2_000
_MOST_WORDS = 40
_MOST_EXAMPLES = 20
_MOST_PORTS = 200
_MOST_MEANING = 1_200
# What rewrites a terminal or turns the direction of what follows, and halves of characters, which
# no file can hold.
_CONTROL = re.compile(f"[{CONTROLS}{UNSEEN}\ud800-\udfff]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class NotADocument(Exception):
    """What should be a discovery document is none. Its text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One port, as it is searched and shown. ``title``, the name of the main port's contract, is
    that of the `main` entry alone. ``origin`` is the address of the gateway that told of it, `HERE`
    for this mesh; ``published`` is in seconds since 1970, 0 where nothing is published;
    ``columns`` are names with what is said of them. ``subject`` is the port as rules of access see
    it (None: nobody may discover it); ``open`` tells of another mesh's product that it was shown to
    who did not say who asks; ``damaged``, that its document cannot be read, and this is what is
    known without it."""

    origin: str
    mesh: str
    domain: str
    product: str
    port: str
    title: str = ""
    purpose: str = ""
    description: str = ""
    more: str = ""
    owner: str = ""
    archetype: str = ""
    status: str = ""
    mode: str = ""
    classification: str = ""
    trust: str = TRUST[-1]
    published: int = 0
    version: int = -1
    tags: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    subject: Mapping[str, Any] | None = None
    open: bool = False
    main: bool = True
    stamp: str = field(default="", compare=False)
    damaged: bool = False

    @property
    def url(self) -> str:
        """The product's global URL."""
        return f"mesh://{self.domain}/{self.product}"

    @property
    def port_url(self) -> str:
        """The port's global URL."""
        return f"{self.url}/{self.port}"

    @property
    def published_at(self) -> str | None:
        """When it was published (ISO 8601, UTC); None where nothing is."""
        return datetime.fromtimestamp(self.published, UTC).isoformat() if self.published else None

    @property
    def identity(self) -> str:
        """What is the same for all ports of a product, and for nothing else in any mesh."""
        return f"{self.origin} {self.domain}/{self.product}"

    @property
    def names(self) -> str:
        """All that it is called, as words."""
        own = (self.title, spaced(self.domain), spaced(self.product))
        return " ".join((*own, "" if self.port == self.product else spaced(self.port)))

    @property
    def column_words(self) -> str:
        """Names of the columns with their titles, as words."""
        return " ".join(spaced(name) for name, _ in self.columns)

    @property
    def said(self) -> str:
        """What is said of the columns, as words."""
        return " ".join(text for _, text in self.columns)

    @property
    def rest(self) -> str:
        """What is said beside names and purpose, as words."""
        return f"{self.more} {self.said} {self.archetype} {self.mode}"

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of `mesh_defs.discovery.index.analysis.FIELDS`, in their order."""
        purpose = f"{self.purpose} {self.description}"
        return self.names, purpose, " ".join(self.tags), self.column_words, self.rest

    @property
    def meanings(self) -> tuple[str, str]:
        """The texts whose meaning is searched: what it is, and all that is told of it. A long text
        alone blurs what it is, a short one alone knows nothing of columns."""
        name = f"{spaced(self.domain)} {self.title or spaced(self.product)}"
        told = self.purpose or self.description
        return (f"{name}: {told}" if told else name)[:_MOST_MEANING], self.meaning

    @property
    def meaning(self) -> str:
        """All that is told of it whose meaning is searched, what says most first."""
        names = ", ".join(spaced(name) for name, _ in self.columns)
        name = self.title or spaced(self.product)
        parts = (name, self.purpose, self.description, names, self.more)
        return ". ".join(part for part in parts if part)[:_MOST_MEANING]

    def as_json(self) -> bytes:
        """The entry as a JSON list of its values, in the order of its fields: half of a short
        entry would be their names."""
        return _encoded(_values(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Entry:
        """The inverse of `as_json`."""
        values = json.loads(content)
        values[_TAGS] = tuple(values[_TAGS])
        values[_COLUMNS] = tuple(map(tuple, values[_COLUMNS]))
        return cls(*values)


_NAMES = tuple(each.name for each in fields(Entry))
_TAGS, _COLUMNS = _NAMES.index("tags"), _NAMES.index("columns")
_values = attrgetter(*_NAMES)
_encoded = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def digest_number(text: str) -> int:
    """63 bits of a digest of ``text``."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def meaning_key(entry: Entry, model: str) -> int:
    """What names the vector of an entry: its texts and the model."""
    return digest_number("\n".join((model, *entry.meanings)))


def entry_of(document: object, *, port: str | None = None, origin: str = HERE) -> Entry:
    """The entry of one port of a discovery document, its main port by default. Raises
    `NotADocument`."""
    found = entries_of(document, origin=origin)
    for entry in found:
        if entry.port == port or (port is None and entry.main):
            return entry
    raise NotADocument(f"no port '{port or 'main'}'")


def entries_of(document: object, *, origin: str = HERE) -> list[Entry]:
    """An entry for each port of a discovery document. Raises `NotADocument` for JSON that is none.

    Texts are cut at a length that descriptions do not reach, and lose their control characters.
    """
    if not isinstance(document, dict):
        raise NotADocument(f"a JSON object is wanted, found {type(document).__name__}")
    domain, product = _name(document, "domain"), _name(document, "product")
    ports = [each for each in _list(document.get("ports"))[:_MOST_PORTS] if isinstance(each, dict)]
    main = document.get("main_port")
    if main not in [each.get("port") for each in ports]:
        main = ports[0].get("port") if ports else None
    common: dict[str, Any] = {
        "origin": origin,
        "mesh": clean(document.get("mesh"), _LONGEST_NAME),
        "domain": domain,
        "product": product,
        "purpose": clean(document.get("purpose"), _LONGEST_TEXT),
        "owner": clean(document.get("owner"), _LONGEST_NAME),
        "archetype": clean(document.get("archetype"), _LONGEST_NAME),
        "status": clean(document.get("status"), _LONGEST_NAME),
        "published": _moment(document.get("published_at")),
        "version": _whole(document.get("version")),
    }
    # Examples speak of any port, also of one that the caller may not know of.
    more = _more(document, examples=len(ports) == 1)
    tags = _words(document.get("tags"))
    # So does the title, the name of the main port's contract: who knows another one is not told it.
    named = clean(document.get("title"), _LONGEST_DESCRIPTION)
    told = (
        _entry(common, more, tags, each, title=named if each.get("port") == main else None)
        for each in ports
    )
    return list({entry.port: entry for entry in told}.values())


def _entry(
    common: Mapping[str, Any],
    more: str,
    tags: tuple[str, ...],
    port: Mapping[str, Any],
    *,
    title: str | None,
) -> Entry:
    """The entry of ``port``; only that of the main port has a ``title``, though it may be empty."""
    listed = _list(port.get("columns"))[:_MOST_COLUMNS]
    columns = [each for each in listed if isinstance(each, dict)]
    inner = {word for each in columns if each.get("tags") for word in _words(each["tags"])}
    classified = port.get("classification")
    if classified not in CLASSIFICATIONS:
        known = [c for each in columns if (c := each.get("classification")) in CLASSIFICATIONS]
        classified = max(known, key=CLASSIFICATIONS.index, default="")
    return Entry(
        **common,
        port=_name(port, "port"),
        title=title or "",
        description=clean(port.get("description"), _LONGEST_TEXT),
        more=more,
        mode=clean(port.get("mode"), _LONGEST_NAME).partition(" ")[0],
        classification=str(classified),
        trust=_trust(port),
        tags=tuple(dict.fromkeys((*tags, *sorted(inner))))[: 2 * _MOST_WORDS],
        columns=tuple(_columns(columns)),
        main=title is not None,
    )


def _columns(columns: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in columns:
        name = clean(each.get("name"), _LONGEST_NAME)
        title = clean(each.get("title"), _LONGEST_DESCRIPTION)
        told = clean(each.get("description"), _LONGEST_DESCRIPTION)
        if name:
            yield name, f"{title}. {told}" if title and told else title or told


def _more(document: Mapping[str, Any], *, examples: bool) -> str:
    told = [clean(document.get(key), _LONGEST_TEXT) for key in ("usage", "limitations")]
    listed = _list(document.get("examples"))[:_MOST_EXAMPLES] if examples else []
    for each in listed:
        if isinstance(each, dict):
            keys = ("title", "text")
            told += [clean(each.get(key), _LONGEST_DESCRIPTION) for key in keys]
    return " ".join(text for text in told if text)


def _trust(port: Mapping[str, Any]) -> str:
    """Whether all that was promised was kept in the version; ``unproven`` where nothing tells."""
    tally = port.get("tally")
    counts = tally if isinstance(tally, dict) else {}
    levels = [each for each in _list(port.get("service_levels")) if isinstance(each, dict)]
    if any(counts.get(word) for word in ("warned", "failed", "error")):
        return "warned"
    if any(each.get("kept") is False for each in levels):
        return "warned"
    return "kept" if counts.get("passed") else "unproven"


def spaced(name: str) -> str:
    """A name in code as words: ``tailNumber_id`` is ``tail Number id``."""
    plain = name.replace("_", " ")
    return plain if plain.islower() else _HUMP.sub(" ", plain)


def clean(value: object, most: int = _LONGEST_TEXT) -> str:
    """A text as one line, without what a terminal would obey; of what is no text, nothing."""
    if not isinstance(value, str):
        return ""
    text = value[:most]
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    elif "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text  # the only blank that is printable is the plain one
    return " ".join(text.split())


def _name(values: Mapping[str, Any], key: str) -> str:
    name = values.get(key)
    if not isinstance(name, str) or not NAME.match(name) or len(name) > _LONGEST_NAME:
        raise NotADocument(f"'{key}' is no name: {clean(str(name), 60)}")
    return name


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: object) -> tuple[str, ...]:
    found = (clean(each, _LONGEST_NAME) for each in _list(value)[:_MOST_WORDS])
    return tuple(dict.fromkeys(word for word in found if word))


def _whole(value: object) -> int:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(str(value)) if fits else -1


def _moment(value: object) -> int:
    """Seconds since 1970 of a time; 0 for what is none. What has no zone is UTC."""
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        return 0
    try:
        time = datetime.fromisoformat(value)
        time = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
        return max(0, int(time.timestamp()))
    except (ValueError, OverflowError):
        return 0
