"""Saying something of a product, and answering: the one way, whether by command, by HTTP or by a
page.

Whoever may know of a product may rate it, ask a question and report a problem, and says who they
are. Who controls it answers. The owner is told as the profile's ``notify`` says, and who asked is
told of answers. Texts are kept as they are: whoever shows them escapes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.errors import AccessDenied, InvalidRequest, MeshError, UnknownAddress
from mesh_defs.gateway.asking import LONGEST_TEXT, may_answer
from mesh_defs.gateway.notify.events import Teller
from mesh_defs.gateway.state.counter import alone
from mesh_defs.gateway.state.feedback import Said
from mesh_defs.policy.access.principals import VARIABLE
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS
from mesh_defs.product.stores import product_store
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.gateway.notify.events import SaidWhat
    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.feedback import Item, Kind, Standing
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess

SHOWN = 50
_SAID: dict[Kind, SaidWhat] = {"rating": "rated", "question": "asked", "problem": "reported"}
_SETTLED: dict[Standing, SaidWhat] = {
    "acknowledged": "acknowledged",
    "solved": "solved",
    "open": "reopened",
}


def say(
    state: State,
    access: MeshAccess,
    principal: Principal,
    identity: str,
    kind: Kind,
    now: datetime,
    *,
    text: str | None = None,
    stars: int | None = None,
) -> Item:
    """Rate ``<domain>/<product>``, ask about it, or report a problem. Whoever calls has checked
    that ``principal`` may know of it (`check_known`).

    Raises `AccessDenied` for who is nobody, `InvalidRequest` for what is not well formed,
    `WrongState` for too much of it.
    """
    if not principal.name or not principal.known:
        raise AccessDenied(
            f"{principal} may not say anything of mesh://{identity}: say who you are with "
            f"{VARIABLE}, or log in"
        )
    if (kind == "rating") != (stars is not None):
        raise InvalidRequest(
            f"found a {kind} {'with' if stars is not None else 'without'} stars; allowed: 1 to 5 "
            "stars for a rating, none for others"
        )
    if stars is not None and not 1 <= stars <= 5:
        raise InvalidRequest(f"found {stars} stars; allowed: 1 to 5")
    words = _text(text) if text is not None or kind != "rating" else None
    said = Said(kind, identity, str(principal), stars, words, _newest(access, identity))
    teller = Teller(state.outbox, access.settings, identity)
    with alone(state.database) as connection:
        item = state.feedback.add(connection, said, now)
        teller.tell_said(connection, _SAID[kind], item, now)
    return item


def answer(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    text: str,
    now: datetime,
    *,
    admin: bool = False,
) -> Item:
    """Answer the question, problem or rating ``number``. Raises `AccessDenied` for who may not
    control the product, `UnknownRecord`, `InvalidRequest`, `WrongState`."""
    words = _text(text)
    identity = state.feedback.get(number).identity
    _may_control(access, principal, identity, f"answer {number}", now, admin=admin)
    teller = Teller(state.outbox, access.settings, identity)
    with alone(state.database) as connection:
        item = state.feedback.find(connection, number)
        item = state.feedback.answer(connection, item, str(principal), words, now)
        teller.tell_said(connection, "answered", item, now, words)
    return item


def settle(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    standing: Standing,
    now: datetime,
    *,
    admin: bool = False,
) -> Item:
    """Say that a problem is ``acknowledged``, ``solved``, or ``open`` again. Raises as `answer`."""
    if standing not in _SETTLED:
        raise InvalidRequest(f"found '{standing}'; allowed: {', '.join(_SETTLED)}")
    identity = state.feedback.get(number).identity
    _may_control(access, principal, identity, f"settle {number}", now, admin=admin)
    teller = Teller(state.outbox, access.settings, identity)
    with alone(state.database) as connection:
        item = state.feedback.find(connection, number)
        item = state.feedback.settle(connection, item, standing, str(principal), now)
        teller.tell_said(connection, _SETTLED[standing], item, now)
    return item


def told(state: State, identity: str, *, names: bool = True) -> dict[str, Any]:
    """What was said of a product, as JSON values: ``ratings``, ``questions`` and ``problems``, the
    newest of each; without ``names`` nobody is named."""

    def newest(kind: Kind) -> list[dict[str, Any]]:
        found = state.feedback.listed(identity=identity, kinds=[kind], most=SHOWN)
        return [item.as_dict(names=names) for item in found]

    ratings = {**state.feedback.ratings(identity).as_dict(), "newest": newest("rating")}
    return {"ratings": ratings, "questions": newest("question"), "problems": newest("problem")}


def check_known(access: MeshAccess, principal: Principal, identity: str) -> None:
    """Raise `UnknownAddress` unless ``principal`` may know of a port of ``<domain>/<product>``."""
    urls = [parse(f"mesh://{identity}/{port}") for port in ports_of(access, identity)]
    if not any(access.knows(principal, url) for url in urls):
        raise UnknownAddress(f"no product mesh://{identity}, or none that {principal} may know of")


def controls(access: MeshAccess, principal: Principal, identity: str, now: datetime) -> bool:
    """Whether ``principal`` may control a port of the product, and so answer for it."""
    urls = [f"mesh://{identity}/{port}" for port in ports_of(access, identity)]
    return any(may_answer(access, principal, url, now) for url in urls)


def ports_of(access: MeshAccess, identity: str) -> list[str]:
    """The ports of a product: as published, else as declared; none where neither can be read."""
    domain, _, product = identity.partition("/")
    settings = access.settings
    try:
        record = Ledger(product_store(settings, domain, product)).latest()
        if record is not None:
            return list(record.ports)
        declared = load_product(settings.root / DOMAINS / identity, settings)
    except MeshError:
        return []
    return [port.name for port in declared.outputs] if isinstance(declared, Product) else []


def _may_control(
    access: MeshAccess,
    principal: Principal,
    identity: str,
    what: str,
    now: datetime,
    *,
    admin: bool,
) -> None:
    if not admin and not controls(access, principal, identity, now):
        raise AccessDenied(
            f"{principal} may not {what}: it is for those who control mesh://{identity}. Fix: let "
            "them control it by a rule in access.cedar, or be the gateway's admin"
        )


def _newest(access: MeshAccess, identity: str) -> int | None:
    domain, _, product = identity.partition("/")
    versions = Ledger(product_store(access.settings, domain, product)).versions()
    return versions[-1] if versions else None


def _text(text: str | None) -> str:
    """What people wrote, as they wrote it. Raises `InvalidRequest`."""
    found = (text or "").strip()
    if not found or len(found) > LONGEST_TEXT:
        raise InvalidRequest(f"a text has 1 to {LONGEST_TEXT} characters; found {len(found)}")
    if "\0" in found or any("\ud800" <= c <= "\udfff" for c in found):
        raise InvalidRequest("a text has no NUL and no half of a character")
    return found
