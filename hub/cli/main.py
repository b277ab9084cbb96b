"""``tocsin hub``: its commands, each imported when it is called."""

from __future__ import annotations

from typing import Final

import typer

from tocsin.lazy import Late, group

COMMANDS: Final = {
    "run": Late("hub.cli.running:run", "Run the hub: ingest, deadlines, notifications, console."),
    "prepare": Late("hub.cli.prepare:prepare", "Make certificates and passwords, and give hub and broker theirs."),
    "doctor": Late("hub.cli.doctor:doctor", "Look everything over, and say what to do."),
    "healthy": Late("hub.cli.healthy:healthy", "Ask the hub that runs here whether it is well."),
    "organisation": Late("hub.cli.directory:organisation", "Add an organisation."),
    "account": Late("hub.cli.accounts:account", "Add a person who may sign in."),
    "password": Late("hub.cli.accounts:password", "Give an account a new one-time password."),
    "worker": Late("hub.cli.directory:worker", "Add a lone worker."),
    "place": Late("hub.cli.directory:place", "Add a place where sessions are."),
    "gateway": Late("hub.cli.gateways:gateway", "Gateways: enrol, rotate, revoke, list."),
    "device": Late("hub.cli.devices:device", "Personal alarms: labels, keys, who wears them."),
    "session": Late("hub.cli.sessions:session", "Log sessions, start and end them."),
    "token": Late("hub.cli.accounts:token", "Tokens by which programs sign in to the API."),
    "backup": Late("hub.cli.backup:backup", "Back up the database while the hub runs, and check the backup."),
    "restore": Late("hub.cli.backup:restore_", "Restore a backup."),
    "reviewed": Late(
        "hub.cli.backup:reviewed", "Say that everything that a restore may have made good again was looked through."
    ),
    "migrate": Late(
        "hub.cli.backup:migrate",
        "Bring the database to this version, even while sessions are under way; a backup is made first.",
    ),
    "keys": Late("hub.cli.keys:keys", "The keys that are kept outside the database."),
    "tls": Late("hub.cli.tls:tls", "Certificates for the web server and the broker."),
    "access": Late("hub.cli.access:access", "The broker's access list."),
    "broker": Late("hub.cli.running:broker", "Run the embedded MQTT broker, on loopback only."),
}

app = typer.Typer(cls=group(COMMANDS), no_args_is_help=True, help="The hub: records, matches, escalates, shows.")


@app.callback()
def _group() -> None:
    """The hub: records, matches, escalates, shows."""
