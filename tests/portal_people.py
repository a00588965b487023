"""A gateway whose people sign in by tokens of an issuer, and a browser's way through its forms."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
import yaml
from access_meshes import PEOPLE as SALES_PEOPLE
from gateway_http import Served, served
from http_meshes import large_mesh
from issuers import Issuer, believed, issuing
from loopback import PLAIN
from meshes import MESH_YAML

PEOPLE = SALES_PEOPLE.replace("people:\n", "people:\n  boss@shop.example: {roles: [auditor]}\n")
ADA, GUEST, BOSS = "ada@shop.example", "guest@shop.example", "boss@shop.example"
_FORM = re.compile(r'name="form" value="([0-9a-f]{64})"')


@dataclass
class Town:
    """A mesh, its gateway, and who vouches for its people."""

    mesh: Served
    issuer: Issuer

    def token(self, mail: str, seconds: int = 3600) -> str:
        """What a person signs in with."""
        now = int(time.time())
        shown = {"email": mail, "email_verified": True, "iat": now, "nbf": now}
        return self.issuer.token(**shown, exp=now + seconds)

    def visitor(self, mail: str | None = None) -> Visitor:
        """Somebody with a browser; signed in, unless they are nobody."""
        visitor = Visitor(self.mesh.base)
        self.mesh._clients.append(visitor.client)
        if mail is not None:
            token = self.mesh.admin() if mail == "admin" else self.token(mail)
            answer = visitor.sign_in(token)
            assert answer.status_code == 303, answer.text
        return visitor


@dataclass
class Visitor:
    """Who looks at pages and sends their forms, as a browser does."""

    base: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        accept = {"Accept": "text/html"}
        self.client = httpx.Client(base_url=self.base, headers=accept, timeout=60, **PLAIN)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """A page."""
        return self.client.get(path, headers=headers)

    def post(self, path: str, seen: str, headers: dict | None = None, **fields: str):
        """Send a form of the page at ``seen``."""
        found = _FORM.search(self.get(seen).text)
        assert found is not None, f"{seen} has no form"
        sent = {"form": found[1], **fields}
        return self.client.post(path, data=sent, headers={"Origin": self.base, **(headers or {})})

    def sign_in(self, token: str, **fields: str) -> httpx.Response:
        """Show ``token`` where one signs in."""
        return self.post("/-/sign-in", "/-/sign-in", token=token, **fields)


def town_mesh(root: Path, issuer: Issuer) -> Path:
    """The mesh of `large_mesh`, whose gateway believes ``issuer``."""
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = {"identity": {"issuers": [believed(issuer)]}}
    more = {"mesh.yaml": yaml.safe_dump(profile), "principals.yaml": PEOPLE}
    return large_mesh(root, **more)


@contextmanager
def town(root: Path) -> Iterator[Town]:
    """A town of its own below ``root``."""
    with issuing() as issuer, served(town_mesh(root, issuer)) as mesh:
        yield Town(mesh, issuer)


class Skeleton(HTMLParser):
    """The elements of a page with the names of their attributes, and what is wrong with them where
    nothing may come from elsewhere or stand in the page itself."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.wrong: list[str] = []
        self._script = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self._script = tag in ("script", "style")
        if tag == "style" or (tag == "script" and "src" not in values):
            self.wrong.append(f"<{tag}> in the page")
        self.wrong += [f"{tag} {name}" for name in values if name.startswith("on")]
        self.wrong += [f"{tag} style" for name in values if name == "style"]
        for name in ("src", "action", "href", "data-load"):
            self._check(tag, name, values.get(name))

    def _check(self, tag: str, name: str, value: str | None) -> None:
        if value is None:
            return
        outside = not re.match(r"(/(?![/\\])|#)", value)
        if outside and not (tag == "a" and re.match(r"https?://", value)):
            self.wrong.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.wrong.append(f"inline: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._script = False
