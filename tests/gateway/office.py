"""A hub's HTTPS side with an authority of its own: codes, credentials by generation, a keyring; and bad days."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

from hub import authority
from protocols import codes
from protocols.enrolment import BrokerAddress, Claim, Credential, DeviceKey, Enrolment, Keyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

ORGANISATION, GATEWAY = "charity", "porch"


def credential(generation: int, *, rotate_after: datetime | None = None) -> Credential:
    return Credential(
        username=f"{ORGANISATION}.{GATEWAY}.{generation}",
        secret=f"secret-{generation}",
        generation=generation,
        rotate_after=rotate_after or datetime.now(UTC) + timedelta(days=60),
    )


class Records:
    """What a hub knows of one gateway, as the real one would: the old credential ends when the next one is used.

    Attributes:
        live: generations that are let in.
        asked: what was asked, in order.
        on_change: called when ``live`` may have changed.
    """

    def __init__(self) -> None:
        self.live: set[int] = {1}
        self.proved = 0
        self.claims: dict[str, str] = {}
        self.keys: tuple[DeviceKey, ...] = ()
        self.rotate = False
        self.asked: list[str] = []
        self.on_change: Callable[[], None] = lambda: None

    def version(self) -> str:
        return hashlib.sha256(repr([(key, key.key) for key in self.keys]).encode()).hexdigest()[:16]

    def is_good(self, generation: int) -> bool:
        return generation in self.live

    def keyring(self, generation: int) -> Keyring:
        self.proved = max(self.proved, generation)
        ended = {each for each in self.live if each < self.proved}
        if ended:
            self.live -= ended
            self.rotate = False
            self.on_change()
        return Keyring(version=self.version(), keys=self.keys, rotate=self.rotate)

    def next(self) -> Credential:
        newest = max(self.live)
        if newest == self.proved:
            newest += 1
            self.live.add(newest)
            self.on_change()
        return credential(newest)


class Office:
    """The web server. Use it as a context.

    Attributes:
        records: behind it.
        code: that it gives out.
        broken: path -> (status, media type, body) answered instead.
        lost: paths of which the next answer gets lost on its way.
    """

    def __init__(self, folder: Path, *, hosts: tuple[str, ...] = ("localhost",), now: datetime | None = None) -> None:
        self.folder = folder
        if not (folder / "authority.key").exists():
            authority.create(folder, hosts, now or datetime.now(UTC))
        self.records = Records()
        self.broker = BrokerAddress(host="127.0.0.1", port=1, tls=True)
        self.broken: dict[str, tuple[int, str, str]] = {}
        self.lost: set[str] = set()
        self.code = str(codes.make(0x123456789ABCDEF, self._der()))
        self.spent: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "web.pem", folder / "web.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def authority(self) -> str:
        return (self.folder / "authority.pem").read_text()

    def _der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.authority)

    def answer(self, method: str, path: str, sign_in: str | None, body: bytes, known: str) -> tuple[int, str, str]:
        name = path.rpartition("/")[2]
        self.records.asked.append(name)
        if name in self.broken:
            return self.broken[name]
        if (method, name) == ("GET", "authority"):
            return 200, "application/x-pem-file", self.authority
        if (method, name) == ("POST", "enrolment"):
            return self._enrol(Claim.model_validate_json(body))
        generation = self._signed_in(sign_in)
        if generation is None:
            return problem(401, "credential-refused", "this credential is not good")
        return self._served(name, generation, known)

    def _served(self, name: str, generation: int, known: str) -> tuple[int, str, str]:
        if name == "rotation":
            return 200, "application/json", self.records.next().model_dump_json()
        ring = self.records.keyring(generation)
        if known.strip('"') == ring.version and not ring.rotate:
            return 304, "application/json", ""
        return 200, "application/json", ring.model_dump_json()

    def _enrol(self, claim: Claim) -> tuple[int, str, str]:
        code = codes.read(claim.code).secret
        if code != codes.read(self.code).secret:
            return problem(403, "code-refused", "nobody made this code here", what="unknown code")
        if self.spent.setdefault(code, claim.claim) != claim.claim or self.records.proved:
            return problem(403, "code-refused", "this code was used or replaced", what="used code")
        return 200, "application/json", self.enrolment().model_dump_json()

    def enrolment(self) -> Enrolment:
        return Enrolment(
            organisation=ORGANISATION,
            gateway=GATEWAY,
            place="porch",
            place_name="The porch",
            hub_url=self.url,
            authority=self.authority,
            broker=self.broker,
            credential=credential(1),
        )

    def _signed_in(self, header: str | None) -> int | None:
        if header is None:
            return None
        username, _, secret = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        generation = int(username.rpartition(".")[2])
        return generation if secret == f"secret-{generation}" and self.records.is_good(generation) else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        office = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                known = self.headers.get("If-None-Match", "")
                answer = office.answer(self.command, self.path, self.headers.get("Authorization"), body, known)
                if (name := self.path.rpartition("/")[2]) in office.lost:
                    office.lost.discard(name)
                    self.connection.close()
                    return
                status, media_type, text = answer
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


def problem(status: int, kind: str, detail: str, **more: str) -> tuple[int, str, str]:
    content = {**more, "type": f"urn:tocsin:problem:{kind}", "status": status, "detail": detail}
    return status, "application/problem+json", json.dumps(content)
