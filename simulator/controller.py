"""A Bluetooth LE controller of the virtual radio: legacy advertising, scanning, connections, reset.

bumble's own controller is built on. What it leaves out and we need: an advertisement heard once and with the signal
strength it arrived with; scan responses; non-connectable advertising; intervals in the specification's unit with its
random delay; a connection attempt that can be cancelled; a reset that resets.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bumble import hci
from bumble.controller import Controller, LegacyAdvertiser

if TYPE_CHECKING:
    from random import Random

    from simulator.radio import VirtualLink

_AdvertisingType = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_ReportType = hci.HCI_LE_Advertising_Report_Event.EventType

_INTERVAL_UNIT_S: Final = 0.000625
_LONGEST_DELAY_S: Final = 0.010
"""advDelay, Core Specification 5.4, volume 6, part B, 4.4.2.2: keeps two advertisers from colliding for ever."""

_REPORT_TYPES: Final = {
    _AdvertisingType.ADV_IND: _ReportType.ADV_IND,
    _AdvertisingType.ADV_SCAN_IND: _ReportType.ADV_SCAN_IND,
    _AdvertisingType.ADV_NONCONN_IND: _ReportType.ADV_NONCONN_IND,
}
_SCANNABLE: Final = frozenset({_ReportType.ADV_IND, _ReportType.ADV_SCAN_IND})


@dataclass(frozen=True, slots=True)
class Advertisement:
    """One advertising event on the air.

    Attributes:
        address: of the advertiser.
        kind: ``ADV_IND``, ``ADV_SCAN_IND`` or ``ADV_NONCONN_IND`` as numbered in the HCI advertising report.
        data: up to 31 bytes of AD structures.
        scan_response: what an active scanner gets on asking; empty = nothing.
    """

    address: Any
    kind: int
    data: bytes
    scan_response: bytes

    @property
    def connectable(self) -> bool:
        return bool(self.kind == _ReportType.ADV_IND)


class _Advertiser(LegacyAdvertiser):  # type: ignore[misc]  # bumble is untyped to mypy
    """Sends on the specification's schedule: interval plus a random delay of up to 10 ms."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        interval = self.advertising_interval_min * _INTERVAL_UNIT_S + self.controller.rng.uniform(0, _LONGEST_DELAY_S)
        self.timer_handle = asyncio.get_running_loop().call_later(interval, self._on_timer_fired)

    def send_advertising_data(self) -> None:
        if self.enabled and self.advertising_type in _REPORT_TYPES:
            kind = _REPORT_TYPES[self.advertising_type]
            response = bytes(self.scan_response_data) if kind in _SCANNABLE else b""
            self.controller.send_advertising_pdu(
                Advertisement(self.address, kind, bytes(self.advertising_data), response)
            )


class RadioController(Controller):  # type: ignore[misc]  # bumble is untyped to mypy
    """One station's radio.

    Args:
        name: of the station; what :class:`~simulator.radio.Propagation` and faults know it by.
        link: the air.
        rng: its dice for the advertising delay.
        host_source: where HCI packets come from, for a host in another process.
        host_sink: where they go.
    """

    le_features = hci.LeFeatureMask.LE_ENCRYPTION | hci.LeFeatureMask.LE_PING
    """No extended advertising: the frames are made for legacy advertisements, which every adapter hears."""

    le_scan_enable: bool
    pending_le_connection: Any

    def __init__(
        self, name: str, link: VirtualLink, rng: Random, host_source: object = None, host_sink: object = None
    ) -> None:
        super().__init__(name, host_source=host_source, host_sink=host_sink, link=link)
        self.rng = rng
        self.le_legacy_advertiser = _Advertiser(self)

    @property
    def is_listening(self) -> bool:
        """Whether an advertisement would be of any use to it."""
        return bool(self.le_scan_enable) or self.pending_le_connection is not None

    @property
    def scans_actively(self) -> bool:
        scan = hci.HCI_LE_Set_Scan_Parameters_Command
        return bool(self.le_scan_enable) and self.le_scan_type == scan.ACTIVE_SCANNING

    def hear(self, advertisement: Advertisement, rssi_dbm: int) -> None:
        """An advertisement arrives."""
        self._report(advertisement, advertisement.kind, advertisement.data, rssi_dbm)
        pending = self.pending_le_connection
        if pending and advertisement.connectable and pending.peer_address == advertisement.address:
            self.create_le_connection(advertisement.address)

    def hear_scan_response(self, advertisement: Advertisement, rssi_dbm: int) -> None:
        """The answer to a scan request arrives."""
        self._report(advertisement, _ReportType.SCAN_RSP, advertisement.scan_response, rssi_dbm)

    def _report(self, advertisement: Advertisement, kind: int, data: bytes, rssi_dbm: int) -> None:
        if self.le_scan_enable:
            report = hci.HCI_LE_Advertising_Report_Event.Report(
                event_type=kind,
                address_type=advertisement.address.address_type,
                address=advertisement.address,
                data=data,
                rssi=rssi_dbm,
            )
            self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    def drop(self, peer_address: object, reason: int) -> None:
        """End the connection with a peer, if there is one, and tell the host why."""
        if connection := self.le_connections.get(peer_address):
            self.on_le_disconnected(connection, reason)

    def on_le_disconnected(self, connection: Any, reason: int) -> None:  # noqa: ANN401 - bumble's Connection
        if self.le_connections.get(connection.peer_address) is connection:
            super().on_le_disconnected(connection, reason)

    def power_off(self) -> None:
        """Leave the air at once, saying nothing to anybody: peers notice by supervision."""
        self._go_quiet()
        self.host = None
        if self in self.link.controllers:
            self.link.remove_controller(self)

    def _go_quiet(self) -> None:
        self.le_legacy_advertiser.stop()
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.le_connections.clear()

    def on_hci_reset_command(self, command: object) -> object:
        self._go_quiet()
        return super().on_hci_reset_command(command)

    def on_hci_le_create_connection_cancel_command(self, command: object) -> object:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._say_cancelled, pending.peer_address)
        return super().on_hci_le_create_connection_cancel_command(command)

    def _say_cancelled(self, peer_address: Any) -> None:  # noqa: ANN401 - bumble's Address
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=peer_address.address_type,
                peer_address=peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
