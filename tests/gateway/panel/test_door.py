from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.panel import door
from tests.services import eventually

if TYPE_CHECKING:
    from pathlib import Path


async def asked(directory: Path, against: str | None) -> None:
    serving = asyncio.create_task(door.serve(directory, lambda: against))
    try:
        await asyncio.to_thread(eventually, lambda: is_answered(directory))
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def is_answered(directory: Path) -> bool:
    try:
        door.ask(directory)
    except door.RefusedError as refused:
        if refused.__cause__ is None:
            raise
        return False  # it does not listen yet
    return True


def test_who_asks_for_test_mode_is_told_that_it_begins_or_why_not(tmp_path: Path) -> None:
    asyncio.run(asked(tmp_path, None))
    with pytest.raises(door.RefusedError, match="an alarm is under way"):
        asyncio.run(asked(tmp_path, "an alarm is under way"))


def test_a_socket_that_an_earlier_run_left_is_in_nobody_s_way(tmp_path: Path) -> None:
    asyncio.run(asked(tmp_path, None))
    assert (tmp_path / door.NAME).exists()
    asyncio.run(asked(tmp_path, None))


def test_without_a_gateway_that_runs_the_answer_says_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(door.RefusedError, match=r"panel\.enabled"):
        door.ask(tmp_path)


def test_a_socket_that_can_t_be_made_does_not_end_the_gateway(tmp_path: Path) -> None:
    asyncio.run(door.serve(tmp_path / "no" / "such", lambda: None))
