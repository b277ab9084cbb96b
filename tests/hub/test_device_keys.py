"""Which frames count while keys are replaced, and what becomes of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hub.cases import device_keys, enrolment, incidents
from hub.domain.incident import Kind, Outcome, Phase
from hub.domain.session import Risk
from hub.store import credentials, events, presence
from hub.store import device_keys as key_rows
from hub.store.faults import FaultKind
from protocols.ble import aes, downlink
from protocols.ble import keys as derivation
from protocols.events import Cause, Stage
from protocols.ids import GatewayId
from protocols.mqtt.envelope import GatewayState
from protocols.mqtt.topics import Channel, Topic
from tests.hub.desk import ACME, ADDRESS, KEY, Alarm, Office

if TYPE_CHECKING:
    from protocols.enrolment import DeviceKey

OTHER_KEY = bytes(range(16, 32))


def keyring(office: Office) -> list[tuple[int, int]]:
    """(enrolment, generation) of every key that a gateway gets."""
    return [(key.enrolment, key.generation) for key in keys(office)]


def keys(office: Office) -> tuple[DeviceKey, ...]:
    return office.store.read(lambda tx: device_keys.keyring(tx, ACME))


def fetch(office: Office, gateway: str = "north") -> None:
    version = device_keys.keyring_version(keys(office))
    office.desk(lambda desk: device_keys.fetched(desk, ACME, GatewayId(gateway), version))


def order(office: Office, *, suspect: bool = False) -> None:
    office.desk(lambda desk: device_keys.rotate_keys(desk, ACME, [ADDRESS], "test", "mo", suspect=suspect))


def rekeys(office: Office, gateway: str = "north") -> list[int]:
    """Generations that the device was told to take, opened under the root key as the device would."""
    import json

    topic = str(Topic(ACME, GatewayId(gateway), Channel.COMMAND))
    sealed = [bytes.fromhex(json.loads(payload)["data"]["downlink"]) for where, payload in office.published
              if where == topic]  # fmt: skip
    opened = [downlink.open_(aes.block(KEY), ADDRESS.octets, value) for value in sealed if value[0] == 4]
    assert None not in opened, "a rekey is sealed under the root key"
    return [one[3] for one in opened if one is not None]


def alive_at(office: Office) -> Any:
    seen = office.store.read(lambda tx: presence.of_device(tx, ACME, ADDRESS))
    return None if seen is None else seen.heard_at


def rotated(office: Office, *, suspect: bool = False) -> Office:
    """Ordered, fetched and taken."""
    office.digest(office.alarm.frame())
    order(office, suspect=suspect)
    office.pass_time(seconds=3)
    office.digest(office.alarm.frame())
    office.alarm.generation += 1
    office.digest(office.alarm.frame())
    return office


def test_the_version_of_a_keyring_goes_with_the_keys_themselves_and_tells_nothing_of_them(office: Office) -> None:
    before = keys(office)
    after = tuple(key.model_copy(update={"key": OTHER_KEY}) for key in before)
    assert device_keys.keyring_version(before) != device_keys.keyring_version(after)
    assert device_keys.keyring_version(before) == device_keys.keyring_version(keys(office))
    assert before[0].key.hex() not in device_keys.keyring_version(before)


# A rotation, step by step


def test_a_gateway_holds_the_working_key_and_never_the_root_key(office: Office) -> None:
    (key,) = keys(office)
    assert (key.address, key.enrolment, key.generation) == (ADDRESS, 1, 0)
    assert key.key == derivation.working(aes.block(KEY), 0) != KEY


def test_a_rotation_goes_from_the_gateways_to_the_device_and_the_old_key_leaves_when_the_new_one_is_heard(
    office: Office,
) -> None:
    office.status(GatewayState.ONLINE)
    office.digest(office.alarm.frame())
    order(office)
    assert keyring(office) == [(1, 1), (1, 0)]
    office.pass_time(seconds=10)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [], "no device is told before its gateways have the key"
    fetch(office)
    office.pass_time(seconds=3)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [1]
    office.alarm.generation = 1
    office.digest(office.alarm.frame())
    assert keyring(office) == [(1, 1), (1, 0)], "the first one stays, for a device that loses its memory"
    order(office)
    office.alarm.generation = 2
    office.digest(office.alarm.frame())
    assert keyring(office) == [(1, 2), (1, 0)]
    assert office.written(f"device:{ADDRESS}")[-2:] == ["new key ordered", "new key taken"]
    assert office.faults() == []
    assert office.journal_is_whole()


def test_a_gateway_that_does_not_fetch_holds_up_a_rotation_for_a_minute_and_is_a_fault(office: Office) -> None:
    office.digest(office.alarm.frame())
    office.status(GatewayState.ONLINE)
    order(office)
    for _ in range(5):
        office.pass_time(seconds=10)
        office.digest(office.alarm.frame())
    assert rekeys(office) == []
    office.pass_time(seconds=15)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [1]
    assert [(fault.kind, fault.subject) for fault in office.faults()] == [(FaultKind.KEYS_NOT_FETCHED, "north")]
    fetch(office)
    assert office.faults() == []


def test_a_gateway_that_is_offline_holds_up_nothing(office: Office) -> None:
    office.digest(office.alarm.frame())
    office.status(GatewayState.OFFLINE, gateway="south")
    office.status(GatewayState.ONLINE)
    order(office)
    fetch(office)
    office.pass_time(seconds=3)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [1]


def test_a_device_is_told_again_until_it_is_heard_but_not_with_every_frame(office: Office) -> None:
    office.digest(office.alarm.frame())
    order(office)
    fetch(office)
    office.pass_time(seconds=1)
    for _ in range(12):
        office.digest(office.alarm.frame())
        office.pass_time(seconds=5)
    assert rekeys(office) == [1, 1, 1]


def test_a_device_that_was_never_heard_goes_from_its_first_key_to_the_newest(office: Office) -> None:
    for _ in range(3):
        order(office)
    assert keyring(office) == [(1, 3), (1, 2), (1, 1), (1, 0)]
    office.pass_time(seconds=1)
    office.digest(office.alarm.frame())
    office.digest(office.alarm.frame())
    assert rekeys(office) == [3]
    office.alarm.generation = 3
    office.digest(office.alarm.frame())
    assert keyring(office) == [(1, 3), (1, 0)]


def test_while_a_rotation_waits_the_old_key_is_the_device_s_ordinary_voice(office: Office) -> None:
    office.session(Risk.HIGH)
    office.digest(office.alarm.frame())
    order(office)
    for _ in range(20):
        office.pass_time(seconds=10)
        office.digest(office.alarm.frame())
    assert office.incidents() == []
    office.hear(office.alarm.event(Cause.TEST, Stage.NOTICE))
    office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM))
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    assert office.the_incident().state.phase is Phase.WITHDRAWN


def test_once_the_device_was_heard_under_the_new_key_the_old_one_is_no_sign_of_life(office: Office) -> None:
    rotated(office)
    last = alive_at(office)
    old = Alarm()
    old.counter = office.alarm.counter + 1000
    office.pass_time(seconds=30)
    office.digest(old.frame())
    assert alive_at(office) == last
    assert office.metrics.refused.labels("presence", "key left")._value.get() == 1


def test_receipts_and_stages_are_sealed_under_the_key_that_the_device_spoke(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    order(office)
    office.pass_time(seconds=1)
    assert {kind for kind, *_ in office.told()} == {downlink.KIND_RECEIPT}
    rotated_alarm = office.alarm
    rotated_alarm.generation = 1
    office.digest(rotated_alarm.frame())
    office.hear(rotated_alarm.event(Cause.PANIC, new=False))
    office.take()
    assert downlink.KIND_STAGE in {kind for kind, *_ in office.told()}
    assert len(office.incidents()) == 1


# A lost gateway


def lost(office: Office) -> Office:
    office.digest(office.alarm.frame())
    office.desk(lambda desk: device_keys.gateway_lost(desk, ACME, GatewayId("south"), "mo"))
    return office


def test_from_the_moment_a_gateway_is_lost_its_keys_keep_nobody_alive(office: Office) -> None:
    office.session(Risk.HIGH)
    lost(office)
    office.pass_time(seconds=60)
    office.digest(office.alarm.frame())
    office.pass_time(seconds=31)
    assert office.the_incident().state.kind is Kind.SILENCE


def test_a_device_that_takes_the_new_key_is_alive_again(office: Office) -> None:
    office.session(Risk.HIGH)
    lost(office)
    fetch(office)
    office.pass_time(seconds=1)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [1]
    office.alarm.generation = 1
    for _ in range(12):
        office.digest(office.alarm.frame())
        office.pass_time(seconds=10)
    assert office.incidents() == []


def test_an_alarm_under_a_lost_key_pages_and_says_that_it_is_unverified(office: Office) -> None:
    lost(office)
    office.hear(office.alarm.event(Cause.PANIC))
    incident = office.the_incident()
    assert incident.state.phase is Phase.OPEN
    assert incident.match.worker == "alice"
    assert incident.match.reasons[0] == "sealed under an old key: unverified"
    assert office.mails()["sam@acme.example", "alarm"] == 1


def test_nothing_else_under_a_lost_key_counts(office: Office) -> None:
    from hub.store import devices

    office.session(Risk.HIGH, minutes=1)
    office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM))
    lost(office)
    office.hear(office.alarm.event(Cause.PANIC, Stage.CANCELLED, new=False))
    assert office.the_incident().state.phase is Phase.PENDING
    office.hear(office.alarm.event(Cause.TEST, Stage.NOTICE))
    office.hear(office.alarm.event(Cause.CHECK_IN, Stage.NOTICE))
    device = office.store.read(lambda tx: devices.get(tx, ACME, ADDRESS))
    assert device is not None
    assert device.proved_at is None
    assert all("check-in" not in office.written(str(one.match.session)) for one in office.incidents())
    codes = [code for kind, _, _, code in office.told() if kind == downlink.KIND_RECEIPT]
    assert codes == [Stage.PRE_ALARM], "a wearer is not told that it is stored what does not count"


def test_an_identity_that_was_forged_in_advance_swallows_no_alarm(office: Office) -> None:
    lost(office)
    office.pass_time(seconds=1)
    thief = Alarm()
    thief.counter = 5000
    office.hear(thief.event(Cause.PANIC))
    office.take()
    office.alarm.generation = 1
    office.digest(office.alarm.frame())
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().state.phase is Phase.OPEN, "somebody having the forged one does not have the real one"
    assert office.mails()["sam@acme.example", "alarm"] == 2
    assert office.the_incident().match.reasons[0] == "the device is assigned to alice", "the doubt is gone"


def test_a_cancel_that_was_forged_cancels_nothing_later(office: Office) -> None:
    lost(office)
    thief = Alarm()
    office.hear(thief.event(Cause.PANIC, Stage.CANCELLED))
    office.alarm.generation = 1
    office.hear(office.alarm.event(Cause.PANIC, Stage.PRE_ALARM))
    assert office.the_incident().state.phase is Phase.PENDING


def test_every_device_of_the_organisation_is_rekeyed_after_a_revocation(office: Office) -> None:
    from hub.cases import gateways

    office.store.write(lambda tx: credentials.add(tx, ACME, GatewayId("south"), "a secret"))
    office.desk(lambda desk: gateways.revoke(desk, ACME, "south", "mo", "stolen"))
    assert keyring(office) == [(1, 1), (1, 0)]
    office.digest(office.alarm.frame())
    assert alive_at(office) is None


# Replays


def test_a_frame_replayed_through_a_second_gateway_is_refused_counted_and_told(office: Office) -> None:
    recorded = office.alarm.frame()
    office.digest(recorded)
    for _ in range(40):
        office.pass_time(seconds=15)
        office.digest(office.alarm.frame())
    last = alive_at(office)
    office.pass_time(seconds=5)
    for _ in range(3):
        office.digest(recorded, gateway="south")
    assert alive_at(office) == last
    assert office.metrics.refused.labels("presence", "replay")._value.get() == 3
    assert [(fault.kind, fault.subject) for fault in office.faults()] == [(FaultKind.ACCESS_REFUSED, ADDRESS)]


def test_a_replay_is_told_when_the_device_itself_is_gone(office: Office) -> None:
    frames = [office.alarm.frame() for _ in range(60)]
    for frame in frames:
        office.digest(frame)
        office.pass_time(seconds=12)
    office.pass_time(minutes=20)
    for frame in frames[:3]:
        office.digest(frame, gateway="south")
        office.pass_time(seconds=12)
    assert FaultKind.ACCESS_REFUSED in {fault.kind for fault in office.faults()}


def test_gateways_that_hear_the_same_device_accuse_nobody(office: Office) -> None:
    """One of them hears badly, tells late, and tells of old frames."""
    before = [office.alarm.frame()]
    for _ in range(200):
        office.pass_time(seconds=10)
        before.append(office.alarm.frame())
        office.digest(before[-1])
        office.digest(before[max(0, len(before) - 20)], gateway="south", age_s=200)
        office.digest(before[max(0, len(before) - 6)], gateway="south", age_s=5)
    assert office.faults() == []


def test_a_device_that_skips_counters_at_its_starts_accuses_nobody(office: Office) -> None:
    for _ in range(100):
        late = office.alarm.frame()
        office.alarm.counter += 256
        office.digest(office.alarm.frame())
        office.digest(late, gateway="south", age_s=8)
        office.pass_time(seconds=10)
    assert office.faults() == []


# A device that lost its memory


def close(office: Office) -> None:
    office.take()
    number = office.the_incident().id
    office.desk(lambda desk: incidents.close(desk, ACME, number, "sam", Outcome.FALSE_ALARM, "tried out"))


def panic_days_later(office: Office, **changes: int) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    close(office)
    office.pass_time(hours=20)
    for name, value in changes.items():
        setattr(office.alarm, name, value)


def test_a_device_whose_memory_was_wiped_still_raises_an_alarm(office: Office) -> None:
    office.alarm.counter = 100
    panic_days_later(office, counter=7, sequence=0)
    before = office.mails()["sam@acme.example", "alarm"]
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.mails()["sam@acme.example", "alarm"] > before
    doubts = [event.doubt for event in _recorded(office)]
    assert doubts[0] is None
    assert "repeats an old identity" in str(doubts[1])


def _recorded(office: Office) -> list[events.RecordedEvent]:
    """Oldest first, of all incidents."""
    numbers = sorted(office.incidents(), key=lambda one: one.opened_at)
    return [
        event
        for one in numbers
        for event in office.store.read(lambda tx, one=one: events.of_incident(tx, ACME, one.id))
    ]


def test_its_repeats_page_once(office: Office) -> None:
    office.alarm.counter = 100
    panic_days_later(office, counter=7, sequence=0)
    office.hear(office.alarm.event(Cause.PANIC))
    said = office.mails()
    for age in range(0, 60, 2):
        office.hear(office.alarm.event(Cause.PANIC, new=False, age_s=age), age_s=age)
    assert office.mails() == said
    assert len(_recorded(office)) == 2


def test_a_replay_of_the_very_bytes_is_a_duplicate_for_ever(office: Office) -> None:
    frame = office.alarm.event(Cause.PANIC)
    office.hear(frame)
    close(office)
    office.pass_time(hours=20)
    said = office.mails()
    office.hear(frame, gateway="south")
    assert office.mails() == said
    assert len(_recorded(office)) == 1


def test_a_replay_of_a_later_repeat_pages_nobody_while_the_device_is_heard(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    repeat = office.alarm.event(Cause.PANIC, new=False)
    office.digest(repeat)
    close(office)
    office.pass_time(hours=20)
    office.digest(office.alarm.frame())
    said = office.mails()
    office.hear(repeat, gateway="south")
    assert office.mails() == said


def test_an_alarm_that_another_gateway_hands_over_a_day_late_pages_nobody_again(office: Office) -> None:
    early = office.alarm.event(Cause.PANIC)
    office.hear(office.alarm.event(Cause.PANIC, new=False))
    close(office)
    office.pass_time(hours=20)
    said = office.mails()
    office.hear(early, gateway="south", age_s=20 * 3600)
    assert office.mails() == said


# Another root key


def enrol_anew(office: Office) -> Alarm:
    office.desk(lambda desk: enrolment.enrol_device(desk, ACME, OTHER_KEY.hex(), "", "mo", address=ADDRESS, anew=True))
    renewed = Alarm(key=OTHER_KEY)
    office.alarm, office.former = renewed, office.alarm  # type: ignore[attr-defined]
    return renewed


def test_a_device_with_a_new_root_key_repeats_no_identity(office: Office) -> None:
    office.hear(office.alarm.event(Cause.PANIC))
    office.take()
    office.hear(enrol_anew(office).event(Cause.PANIC))
    assert office.the_incident().state.phase is Phase.OPEN
    assert [event.enrolment for event in _recorded(office)] == [1, 2]


def test_its_former_root_key_leaves_the_gateways_when_the_new_one_is_heard(office: Office) -> None:
    renewed = enrol_anew(office)
    assert keyring(office) == [(2, 0), (1, 0)]
    office.digest(renewed.frame())
    assert keyring(office) == [(2, 0)]


def test_under_its_former_root_key_only_alarms_are_heard_and_marked(office: Office) -> None:
    old = office.alarm
    enrol_anew(office)
    office.digest(old.frame())
    assert alive_at(office) is None
    office.hear(old.event(Cause.PANIC))
    assert office.the_incident().match.reasons[0] == "sealed under a key that was replaced: unverified"


def test_a_revoked_device_s_key_leaves_the_gateways_and_its_alarm_still_pages_marked(office: Office) -> None:
    office.digest(office.alarm.frame())
    last = alive_at(office)
    office.desk(lambda desk: enrolment.revoke_device(desk, ACME, ADDRESS, "mo"))
    assert keyring(office) == []
    office.pass_time(seconds=10)
    office.digest(office.alarm.frame())
    assert alive_at(office) == last
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().match.reasons[0] == "the device is revoked: unverified"


def test_a_withdrawn_device_still_pages_though_nobody_is_known_to_wear_it(office: Office) -> None:
    office.desk(lambda desk: enrolment.withdraw(desk, ACME, ADDRESS, "mo"))
    assert keyring(office) == [(1, 0)]
    office.hear(office.alarm.event(Cause.PANIC))
    incident = office.the_incident()
    assert (incident.match.worker, incident.state.phase) == (None, Phase.OPEN)


# After a restore


def test_a_device_that_took_a_key_after_the_backup_is_heard_after_the_restore(office: Office) -> None:
    office.digest(office.alarm.frame())
    office.desk(lambda desk: device_keys.after_restore(desk, ACME))
    office.alarm.generation = 2
    assert (1, 2) in keyring(office)
    office.hear(office.alarm.event(Cause.PANIC))
    assert office.the_incident().match.reasons[0] == "the device is assigned to alice"
    fetch(office)
    office.pass_time(seconds=3)
    office.digest(office.alarm.frame())
    assert rekeys(office) == [9]
    office.alarm.generation = 9
    office.digest(office.alarm.frame())
    assert keyring(office) == [(1, 9), (1, 0)]


def test_a_root_key_that_has_had_all_its_generations_says_so(office: Office) -> None:
    record = office.store.read(lambda tx: key_rows.newest(tx, ACME, ADDRESS))
    assert record is not None
    office.store.write(lambda tx: key_rows.change(tx, record, generation=0xFFFF))
    with pytest.raises(device_keys.NoMoreGenerationsError):
        order(office)


def test_a_key_that_the_vault_does_not_open_pages_instead_of_dropping_the_alarm(office: Office) -> None:
    from hub.store.vault import Vault, new_key

    frame = office.alarm.event(Cause.PANIC)
    office.store.vault = Vault([new_key()])
    office.hear(frame)
    assert office.the_incident().state.kind is Kind.UNREADABLE
