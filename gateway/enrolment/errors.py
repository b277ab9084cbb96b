"""What can go wrong between a gateway and its hub, each with what to do about it."""

from __future__ import annotations

from typing import Final


class EnrolmentError(Exception):
    """Base of them.

    Attributes:
        todo: what to do, in a sentence.
    """

    todo = "Try again."

    def __str__(self) -> str:
        return f"{self.args[0]}\n{self.todo}"


class PlainHttpError(EnrolmentError):
    """The hub is to be asked without TLS.

    Attributes:
        url: of the hub.
    """

    todo = "Give the address that begins with https://. Without it anybody on the way could take the gateway over."

    def __init__(self, url: str) -> None:
        super().__init__(f"{url!r} is no https address")
        self.url = url


class UnreachableError(EnrolmentError):
    """No answer from the hub.

    Attributes:
        url: that was asked.
        detail: what the network said.
    """

    todo = "Check the address, that the hub runs, and that this machine reaches it: network cable, Wi-Fi, firewall."

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"no answer from {url}: {detail}")
        self.url = url
        self.detail = detail


class NoTlsError(EnrolmentError):
    """Something answers at that port, but not in TLS.

    Attributes:
        url: that was asked.
    """

    todo = "Check the port: the hub's own is 8443 unless its settings say otherwise, and 8080 is the one without TLS."

    def __init__(self, url: str) -> None:
        super().__init__(f"the port of {url} speaks no TLS")
        self.url = url


class ClockError(EnrolmentError):
    """By this machine's clock the hub's certificate is not valid.

    Attributes:
        detail: what TLS said.
    """

    todo = (
        "Check this machine's clock with 'timedatectl'; a Raspberry Pi has none of its own and needs a time server. "
        "If the clock is right, the hub's certificate has run out and has to be made anew there."
    )

    def __init__(self, detail: str) -> None:
        super().__init__(f"the hub's certificate is not valid now: {detail}")
        self.detail = detail


class HostNameError(EnrolmentError):
    """The hub's certificate is for another name.

    Attributes:
        url: that was asked.
        detail: what TLS said.
    """

    todo = "Use the hub's address as the code's page shows it, or have the hub's certificate made for this name, too."

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"the certificate at {url} is for another name: {detail}")
        self.url = url
        self.detail = detail


class FingerprintError(EnrolmentError):
    """What answers is not the hub that made the code.

    Attributes:
        url: that was asked.
    """

    todo = (
        "Nothing secret was sent. Compare the address and the code with the hub's page, letter by letter; "
        "if both are right, somebody stands between this machine and the hub: tell your administrator."
    )

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{url} is not the hub that gave the code: {detail}")
        self.url = url


class UntrustedError(EnrolmentError):
    """A certificate that nothing vouches for.

    Attributes:
        url: that was asked.
        detail: what TLS said.
    """

    todo = (
        "If the hub has an authority of its own, type the whole code, all seven groups: the last four tell by what to "
        "know it. If it is an enrolled gateway that says this, the hub's authority has changed: enrol it anew."
    )

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"nothing vouches for the certificate at {url}: {detail}")
        self.url = url
        self.detail = detail


class NotAHubError(EnrolmentError):
    """An answer that no hub of ours gives.

    Attributes:
        url: that was asked.
        detail: what is odd.
    """

    todo = "Check the address: this may be another web server, or a hub of another version."

    def __init__(self, url: str, detail: str) -> None:
        super().__init__(f"{url} does not answer like a hub: {detail}")
        self.url = url
        self.detail = detail


class BusyError(EnrolmentError):
    """The hub can't answer now.

    Attributes:
        status: HTTP's.
        detail: the hub's words.
    """

    todo = "Wait a minute and run the same command again; nothing is lost."

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"the hub can't do it now ({status}): {detail}")
        self.status = status
        self.detail = detail


class UnknownCredentialError(EnrolmentError):
    """The hub does not, or no longer, know this gateway: 401, as a problem document."""

    todo = "If nobody revoked this gateway on purpose, have a new code made for it and enrol it anew."

    def __init__(self, detail: str) -> None:
        super().__init__(f"the hub refuses this gateway's credential: {detail}")
        self.detail = detail


_CODE_TODO: Final = {
    "expired": "Have a new code made on the hub's page and use it within its time.",
    "used": "A code is good for one gateway. Have a new one made; if nobody used this one, tell your administrator.",
    "wrong": "Compare it with the hub's page, letter by letter, or have a new one made.",
}


class CodeRefusedError(EnrolmentError):
    """The hub does not take the code.

    Attributes:
        kind: name of the hub's problem.
        detail: the hub's words.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"the hub does not take this code: {detail}")
        self.kind = kind
        self.detail = detail
        self.todo = next((todo for word, todo in _CODE_TODO.items() if word in kind), _CODE_TODO["wrong"])


class OtherGatewayError(EnrolmentError):
    """The data directory belongs to a gateway of another organisation.

    Attributes:
        gateway: ``organisation/gateway``.
    """

    todo = "Give the new one a directory of its own with --data-dir, or move the old one's away."

    def __init__(self, gateway: str, new: str) -> None:
        super().__init__(f"this data directory belongs to {gateway}; the code is for {new}")
        self.gateway = gateway


class FileError(EnrolmentError):
    """A file of the gateway can't be read or written.

    Attributes:
        path: of the file.
        detail: what is wrong.
    """

    todo = "Run the command as root (sudo), and look whether the disk is full or can't be written."

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail
