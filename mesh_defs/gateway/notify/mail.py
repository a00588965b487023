"""Mails an event to a person, by the profile's mail server."""

from __future__ import annotations

import smtplib
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from mesh_defs.faults import one_line
from mesh_defs.gateway.notify.webhook import TIMEOUT_SECONDS, NotTold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.gateway_profile import Smtp

_SUBJECTS = {
    "requested": "{principal} asks for {subject}",
    "withdrawn": "{principal} no longer asks for {subject}",
    "approved": "You may read {subject}",
    "denied": "Your request for {subject} was denied",
    "revoked": "Your access to {subject} has ended",
    "rated": "{principal} rated {subject}",
    "asked": "{principal} asks about {subject}",
    "reported": "{principal} reports a problem with {subject}",
    "answered": "You have an answer about {subject}",
    "acknowledged": "Your problem with {subject} is looked at",
    "solved": "Your problem with {subject} is solved",
    "reopened": "Your problem with {subject} is open again",
}
_FIELDS = (
    ("who", "principal"),
    ("purpose", "purpose"),
    ("days", "days"),
    ("role", "role"),
    ("message", "message"),
    ("answered by", "decided_by"),
    ("reason", "reason"),
    ("stars", "stars"),
    ("text", "text"),
    ("answer", "answer"),
)
_ANSWERS = {
    "requested": ("mesh approve {id}", 'mesh deny {id} --reason "..."'),
    "asked": ('mesh feedback {subject} --answer {id} --text "..."',),
    "reported": (
        "mesh feedback {subject} --acknowledge {id}",
        'mesh feedback {subject} --answer {id} --text "..."',
        "mesh feedback {subject} --solve {id}",
    ),
}


def letter(sender: str, recipient: str, number: str, event: Mapping[str, Any]) -> EmailMessage:
    """The mail that tells of ``event``. Raises `NotTold` for an address that is none."""
    data = event["data"]
    happened = str(event["type"]).rpartition(".")[2]
    subject = _SUBJECTS[happened].format(principal=data["principal"], subject=event["subject"])
    made = EmailMessage()
    try:
        made["From"] = sender
        made["To"] = Address(addr_spec=recipient)
    except (ValueError, MessageError, IndexError) as error:
        raise NotTold(f"'{recipient}' is no address: {error}", final=True) from None
    made["Subject"] = one_line(subject)
    made["Message-ID"] = f"<{number.partition('.')[0]}.{happened}@mesh>"
    lines = [f"{one_line(subject)}.", ""]
    lines += [
        f"{word + ':':<12} {one_line(str(data[key]))}"
        for word, key in _FIELDS
        if data.get(key) is not None
    ]
    commands = _ANSWERS.get(happened, ())
    if commands:
        lines += ["", "To answer:"]
        lines += [f"  {one.format(id=data['id'], subject=event['subject'])}" for one in commands]
    made.set_content("\n".join(lines) + "\n")
    return made


def send(server: Smtp, password: str | None, message: EmailMessage) -> None:
    """Hand ``message`` to the mail server. Raises `NotTold`."""
    try:
        with _connected(server) as connection:
            if server.user is not None:
                connection.login(server.user, password or "")
            connection.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotTold(f"the mail server answered {error.smtp_code}") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotTold("the mail server refused the recipient") from None
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise NotTold(f"the mail server cannot be used: {one_line(str(error))}") from None


def _connected(server: Smtp) -> smtplib.SMTP:
    if server.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    if server.security == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection
