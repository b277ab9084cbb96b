"""Sheets of labels with fresh root keys: to print, cut and stick on devices when they are flashed."""

from __future__ import annotations

import html
import io
import secrets
from typing import TYPE_CHECKING, Final

import segno

from protocols import labels
from protocols.ids import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATIC: Final = 0xC0
"""Both highest bits set: a static random address (Bluetooth Core, Vol 6, Part B, 1.3.2.1)."""
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Labels of personal alarms</title>
<style>
body {{ font: 10pt system-ui, sans-serif; margin: 10mm; }}
p {{ max-width: 60em; }}
main {{ display: flex; flex-wrap: wrap; gap: 4mm; }}
figure {{ margin: 0; padding: 3mm; border: 1px dashed #888; width: 62mm; text-align: center; break-inside: avoid; }}
svg {{ width: 34mm; height: 34mm; }}
figcaption {{ font: 9pt ui-monospace, monospace; overflow-wrap: anywhere; }}
@media print {{ p {{ display: none; }} }}
</style>
<p>Whoever reads one of these labels can speak for its device. Print them, stick them on, delete this file.</p>
<main>
{labels}
</main>
</html>
"""
_LABEL: Final = "<figure>{picture}<figcaption><b>{address}</b><br>{code}</figcaption></figure>"


def fresh(count: int) -> list[tuple[Address, bytes]]:
    """So many devices that never were: addresses and root keys from the system's randomness."""
    return [(_address(secrets.token_bytes(6)), secrets.token_bytes(labels.KEY_SIZE)) for _ in range(count)]


def _address(octets: bytes) -> Address:
    return Address(bytes((octets[0] | _STATIC, *octets[1:])).hex(":"))


def picture(address: Address, key: bytes) -> str:
    """The QR code as SVG, to stand in a page. Error correction M: a scratch does it no harm."""
    out = io.BytesIO()
    segno.make(labels.uri(address, key), error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, nl=False
    )
    return out.getvalue().decode()


def page(made: Sequence[tuple[Address, bytes]]) -> str:
    """A sheet to print, with nothing in it that is fetched from elsewhere."""
    return _PAGE.format(
        labels="\n".join(
            _LABEL.format(picture=picture(address, key), address=html.escape(address), code=labels.code(address, key))
            for address, key in made
        )
    )


def text(made: Sequence[tuple[Address, bytes]]) -> str:
    """Address, typed code and QR content of each, a line each."""
    return "\n".join(f"{address}\t{labels.code(address, key)}\t{labels.uri(address, key)}" for address, key in made)
