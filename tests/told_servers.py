"""Real servers that are told of requests: one takes webhooks, one takes mail."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Hooks:
    """What was posted: headers (in lower case) and body; ``answers`` are the next status codes,
    200 when there is none left."""

    port: int = 0
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def webhooks() -> Iterator[Hooks]:
    """A server for webhooks on this machine."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hooks.posted.append((headers, body))
            code = hooks.answers.pop(0) if hooks.answers else 200
            self.send_response(code)
            if code in (301, 302, 307, 308):
                self.send_header("location", f"{hooks.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        hooks.port = port
        yield hooks


@dataclass
class Mails:
    """What was mailed: sender, recipients and mail; ``refuse`` are recipients that it refuses."""

    port: int = 0
    sent: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    refuse: set[str] = field(default_factory=set)


@contextmanager
def mails() -> Iterator[Mails]:
    """A mail server on this machine (RFC 5321, as much of it as smtplib speaks)."""
    box = Mails()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            sender, recipients = "", []
            while line := self.rfile.readline().decode().strip():
                verb = line.split(":")[0].upper()
                if verb.startswith("EHLO"):
                    self.say("250 here")
                elif verb == "MAIL FROM":
                    sender = line.split("<")[1].split(">")[0]
                    self.say("250 fine")
                elif verb == "RCPT TO":
                    name = line.split("<")[1].split(">")[0]
                    recipients.append(name)
                    self.say("550 nobody" if name in box.refuse else "250 fine")
                elif verb == "DATA":
                    self.say("354 go on")
                    box.sent.append((sender, recipients, self.mail()))
                    self.say("250 fine")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def mail(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            found = message_from_bytes(b"".join(lines), policy=policy.default)
            assert isinstance(found, EmailMessage)
            return found

    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        box.port = port
        yield box


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Serve from a thread; the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
