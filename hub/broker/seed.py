"""What a broker begins with: one account that may administer, and nothing for anybody else.

The file is the configuration of Mosquitto's dynamic security plugin. The hub then writes users and roles into it over
MQTT (:mod:`hub.broker.reconciler`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any, Final

ADMIN: Final = "tocsin-admin"
HUB: Final = "tocsin-hub"
CONTROL: Final = "$CONTROL/dynamic-security/#"
_ITERATIONS: Final = 101
"""As the plugin itself: the password is random, and the broker stands still while it counts."""
_SALT_SIZE: Final = 12
_HASH_SIZE: Final = 64
DEFAULTS: Final = {
    "publishClientSend": False,
    "publishClientReceive": False,
    "subscribe": False,
    "unsubscribe": True,
}
"""What those may do of whom no role says anything."""


def new_password() -> str:
    return secrets.token_urlsafe(32)


def document(password: str) -> str:
    """The plugin's configuration (JSON) with the account :data:`ADMIN`, its password hashed."""
    return json.dumps({"defaultACLAccess": DEFAULTS, "clients": [_admin(password)], "roles": [_role()]}, indent=2)


def _admin(password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(_SALT_SIZE)
    hashed = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, _HASH_SIZE)
    return {
        "username": ADMIN,
        "password": base64.b64encode(hashed).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": _ITERATIONS,
        "roles": [{"rolename": ADMIN}],
    }


def _role() -> dict[str, Any]:
    kinds = ("publishClientSend", "publishClientReceive", "subscribePattern", "unsubscribePattern")
    return {"rolename": ADMIN, "acls": [{"acltype": kind, "topic": CONTROL, "allow": True} for kind in kinds]}
