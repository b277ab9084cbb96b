"""What ``BleakScanner`` drives on the virtual radio.

Behaves as bleak does over BlueZ where a gateway could come to depend on it: known data is merged, a repeat that says
nothing new is not reported unless ``DuplicateData`` is asked for, passive scanning wants ``or_patterns``, a service
filter looks at service UUIDs and not at service data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError

from simulator import adapter, advertising_data

if TYPE_CHECKING:
    from bleak.args.bluez import BlueZScannerArgs
    from bleak.backends.scanner import AdvertisementDataCallback


class VirtualScanner(BaseBleakScanner):
    """What ``BleakScanner`` drives. Arguments as documented there."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: Literal["active", "passive"],
        *,
        bluez: BlueZScannerArgs,
        **_: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._active = scanning_mode == "active"
        self._patterns = bluez.get("or_patterns") or []
        self._duplicates = bool((bluez.get("filters") or {}).get("DuplicateData"))
        self._adapter_name = bluez.get("adapter")
        self._adapter: adapter.Adapter | None = None
        if not self._active and not self._patterns:
            raise BleakError("passive scanning mode requires bluez or_patterns")

    async def start(self) -> None:
        self.seen_devices = {}
        self._adapter = adapter.named(self._adapter_name)
        await self._adapter.listen(self._hear, active=self._active)

    async def stop(self) -> None:
        using, self._adapter = self._adapter, None
        if using is not None:
            await using.unlisten(self._hear)

    def _hear(self, report: Any) -> None:  # noqa: ANN401 - bumble's Report
        if self._patterns and not advertising_data.matches(report.data, self._patterns):
            return
        address = report.address.to_string(False)
        heard = advertising_data.read(report.data, report.rssi, (report,))
        known = self.seen_devices.get(address)
        merged = advertising_data.merge(known[1], heard) if known else heard
        if not self.is_allowed_uuid(merged.service_uuids):
            return
        details = {"address": report.address, "adapter": self._adapter_name}
        device = self.create_or_update_device(address, address, merged.local_name, details, merged)
        if self._duplicates or known is None or not advertising_data.says_the_same(known[1], merged):
            self.call_detection_callbacks(device, merged)
