"""All the checks that a hub's settings ask for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url

from hub.doctor import data, field, ways
from tocsin import checks as common
from tocsin.doctor import Check, warn

if TYPE_CHECKING:
    from hub.settings import HubSettings


def all_checks(settings: HubSettings) -> list[Check]:
    """In the order in which they are said."""
    found = [
        Check("clock", common.clock, "see whether chrony or systemd-timesyncd runs"),
        Check("disk", partial(common.disk, _folder(settings)), "see whether the disk is there and can be written"),
        Check("database", partial(data.database, settings), "start the database, and look at its log"),
        Check("key file", partial(data.keys, settings), "put the key file back from where its copy is kept"),
        Check("journal", partial(data.chains, settings), "keep the database as it is, and find out who changed it"),
        Check("backup", partial(data.backup, settings), "run 'tocsin hub backup', and see what it says"),
        Check("restore", partial(data.restore, settings), "see 'the restore drill' in the docs"),
        Check("hub", partial(ways.answers, settings), "systemctl status tocsin-hub; journalctl -u tocsin-hub"),
        Check("broker", partial(ways.broker, settings), "see whether Mosquitto runs, and mqtt.* in the settings"),
        Check("outbox", partial(data.waiting, settings), "see which channel fails, on the page of faults"),
        Check("gateways", partial(field.gateways, settings), "look at the page of gateways"),
        Check("alarm proof", partial(field.proof, settings), "let each wearer press the test"),
    ]
    return found + _certificates(settings) + _channels(settings)


def _certificates(settings: HubSettings) -> list[Check]:
    found = []
    host = urlsplit(settings.web.public_url).hostname or ""
    if settings.web.tls_cert_file is not None:
        look = partial(common.certificate_file, settings.web.tls_cert_file, host)
        found.append(Check("web certificate", look, "see web.tls_cert_file in the settings"))
    if settings.mqtt.is_secure:
        look = partial(common.certificate_of_broker, settings.mqtt)
        found.append(Check("broker certificate", look, "see whether the broker runs, and mqtt.tls_ca_file"))
    return found


def _channels(settings: HubSettings) -> list[Check]:
    found = []
    if settings.email is None:
        nobody = warn("is not set up: nobody is e-mailed", "fill in [email] in the settings")
        found.append(Check("e-mail", lambda: nobody, ""))
    else:
        look = partial(ways.email, settings.email)
        found.append(Check("e-mail", look, "see [email] in the settings, and ask who runs the mail server"))
    for webhook in settings.webhooks:
        advice = "see [[webhooks]] in the settings, and ask who runs that address"
        found.append(Check(f"webhook {webhook.organisation}/{webhook.name}", partial(ways.webhook, webhook), advice))
    return found


def _folder(settings: HubSettings) -> Path:
    """Where the hub writes: beside its database, or its key file."""
    url = make_url(settings.database)
    is_file = url.get_backend_name() == "sqlite" and url.database
    return Path(str(url.database) if is_file else settings.keys_path).absolute().parent
