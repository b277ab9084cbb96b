"""GATT of a Tocsin device. Runs on MicroPython and CPython.

Our own service stands beside Battery (0x180F), Device Information (0x180A) and Immediate Alert (0x1802). Immediate
Alert is unauthenticated, so it may only make a sound, never change what the wearer is told.
"""

SERVICE = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7c0001"
DOWNLINK = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7c0002"  # write: protocols.ble.downlink, 19 bytes
REPORT = "7061c5e0-0b5e-4a4c-9d2f-6e1f5a7c0003"  # read, notify: the BTHome service data now on the air

BATTERY_SERVICE = "0000180f-0000-1000-8000-00805f9b34fb"
BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"  # read: percent, 1 byte
DEVICE_INFORMATION_SERVICE = "0000180a-0000-1000-8000-00805f9b34fb"
MANUFACTURER_NAME = "00002a29-0000-1000-8000-00805f9b34fb"
FIRMWARE_REVISION = "00002a26-0000-1000-8000-00805f9b34fb"
IMMEDIATE_ALERT_SERVICE = "00001802-0000-1000-8000-00805f9b34fb"
ALERT_LEVEL = "00002a06-0000-1000-8000-00805f9b34fb"  # write without response: 0 none, 1 mild, 2 high

BTHOME_SERVICE_DATA = "0000fcd2-0000-1000-8000-00805f9b34fb"
