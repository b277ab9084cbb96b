"""The gateway as a process, with a panel that can't be used, and with one that can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.mqtt.envelope import ButtonData, ButtonSign, GatewayState, PanelFault
from tests.gateway.air import panic
from tests.gateway.hub import Hub
from tests.gateway.panel.wall import PANEL
from tests.gateway.test_program import Program
from tests.services import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from protocols.mqtt.envelope import PanelData
    from tests.services import Process


def test_a_gateway_whose_panel_can_t_be_used_says_so_and_goes_on_hearing(
    tmp_path: Path, mosquitto_broker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mosquitto_broker.port is not None
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "no-such-driver")
    with Hub(mosquitto_broker.port) as hub, Program(tmp_path, mosquitto_broker.port, PANEL) as program:

        def panel() -> PanelData | None:
            return hub.statuses[-1].panel if hub.statuses else None

        said = eventually(lambda: (found := panel()) and found.faults)
        assert "gateway,panel" in said[PanelFault.UNUSABLE]
        assert "panel.enabled" in said[PanelFault.UNUSABLE]
        assert program.metric("panel_faults") == 1
        program.advertise(panic(1))
        eventually(lambda: hub.ids == ["c0ffee000001-1-1-2"])
        assert "remedy" in program.log()
        assert program.terminate() == 0
        eventually(lambda: hub.statuses[-1].state is GatewayState.OFFLINE)


def test_a_gateway_without_a_panel_says_nothing_of_one(tmp_path: Path, mosquitto_broker: Process) -> None:
    assert mosquitto_broker.port is not None
    with Hub(mosquitto_broker.port) as hub, Program(tmp_path, mosquitto_broker.port):
        eventually(lambda: hub.statuses)
        assert hub.statuses[-1].panel is None


def test_a_press_is_sent_again_until_it_is_receipted_and_the_status_follows_it(
    tmp_path: Path, mosquitto_broker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A button that opens when it is pressed, on a mock pin that is pulled up: to the gateway it is held for ever."""
    assert mosquitto_broker.port is not None
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    held = '[panel]\nenabled = true\nbutton_pin = 24\nbutton_contact = "opens"\n'
    with Hub(mosquitto_broker.port) as hub:
        hub.receipting = False
        with Program(tmp_path, mosquitto_broker.port, held) as program:
            eventually(lambda: len(hub.events) >= 2, within_s=15)
            assert len(set(hub.ids)) == 1
            data = hub.events[0].data
            assert isinstance(data, ButtonData)
            assert (data.number, data.sign) == (1, ButtonSign.PANIC)
            hub.receipting = True
            eventually(lambda: program.metric("outbox_depth") == 0, within_s=15)
            eventually(lambda: _told(hub) == (hub.ids[0], "stored"), within_s=15)
            assert program.metric('button_events_total{reason="panic"}') == 1


def _told(hub: Hub) -> tuple[str | None, str | None]:
    panel = hub.statuses[-1].panel
    return (None, None) if panel is None else (panel.event, panel.told)
