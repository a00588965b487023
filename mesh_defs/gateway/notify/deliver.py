"""Telling what waits in the outbox: once (`deliver`), or as long as a server runs (`Courier`)."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.gateway.notify.mail import letter, send
from mesh_defs.gateway.notify.webhook import NotTold, post

if TYPE_CHECKING:
    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.outbox import Message
    from mesh_defs.settings import Settings

EVERY_SECONDS = 2.0

_log = logging.getLogger(__name__)


def deliver(state: State, settings: Settings) -> list[str]:
    """Tell everything that is due, once; why what could not be told was not. Raises as
    `Database.writing`."""
    problems = []
    for message in state.outbox.claim(datetime.now(UTC)):
        try:
            _tell(settings, message)
        except (NotTold, MeshError) as error:
            problem = settings.redact(str(error))
            final = isinstance(error, NotTold) and error.final
            state.outbox.failed(message, problem, datetime.now(UTC), final=final)
            problems.append(problem)
        else:
            state.outbox.delivered(message, datetime.now(UTC))
    return problems


def _tell(settings: Settings, message: Message) -> None:
    """Raises `NotTold`, `MeshError` for a variable that is not set."""
    notify = settings.profile.gateway.notify
    if message.channel == "webhook":
        if notify.webhook is None:
            raise NotTold("the profile has no webhook any more", final=True)
        hook = settings.resolved({"url": notify.webhook.url, "secret": notify.webhook.secret})
        now = datetime.now(UTC)
        post(str(hook["url"]), str(hook["secret"]), message.id, message.event, now)
        return
    if notify.smtp is None or message.recipient is None:
        raise NotTold("the profile has no mail server any more", final=True)
    secret = notify.smtp.password
    password = None if secret is None else str(settings.resolved({"password": secret})["password"])
    mail = letter(notify.smtp.sender, message.recipient, message.id, message.event)
    send(notify.smtp, password, mail)


class Courier:
    """A thread that tells what is due, from `start` to `stop`; every process may have one."""

    def __init__(self, state: State, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once the message that is being told is."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                deliver(self._state, self._settings)
            except Exception:  # noqa: BLE001  what one message meets must not silence all others
                _log.exception("messages could not be delivered")
            self._stopped.wait(EVERY_SECONDS)
