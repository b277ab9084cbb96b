"""A log that grows, is moved away, cut, or not there yet."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import pytest

from hub.broker import log_file
from hub.broker.log_file import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Follow: TypeAlias = Callable[..., LogFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def follow() -> Iterator[Follow]:
    with ExitStack() as stack:
        yield partial(_followed, stack)


def _followed(stack: ExitStack, path: Path, **more: int) -> LogFile:
    return stack.enter_context(closing(LogFile(path, **more)))


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_only_what_is_new_is_read_and_only_whole_lines(path: Path, follow: Follow) -> None:
    write(path, "old\n")
    log = follow(path)
    assert log.read() == []
    write(path, "one\ntw")
    assert log.read() == ["one"]
    write(path, "o\n")
    assert log.read() == ["two"]
    assert log.read() == []


def test_a_file_that_comes_later_is_read_from_its_beginning(path: Path, follow: Follow) -> None:
    log = follow(path)
    assert log.read() == []
    assert not log.is_there
    write(path, "first\n")
    assert log.read() == ["first"]


def test_nothing_is_missed_when_the_file_is_moved_away(path: Path, follow: Follow) -> None:
    write(path, "")
    log = follow(path)
    log.read()
    write(path, "before\n")
    path.rename(path.with_name("log.1"))
    write(path.with_name("log.1"), "late\n")
    write(path, "after\n")
    assert [*log.read(), *log.read(), *log.read()] == ["before", "late", "after"]


def test_a_file_that_was_cut_is_read_from_its_beginning(path: Path, follow: Follow) -> None:
    write(path, "")
    log = follow(path)
    log.read()
    write(path, "a long line before\n")
    assert log.read() == ["a long line before"]
    path.write_text("")
    write(path, "after\n")
    assert log.read() == ["after"]


def test_a_file_that_has_grown_too_long_is_cut_once_it_was_read(path: Path, follow: Follow) -> None:
    write(path, "")
    log = follow(path, cut_at=100)
    log.read()
    write(path, "line\n" * 30)
    assert len(log.read()) == 30
    assert log.read() == []
    assert path.stat().st_size == 0
    write(path, "next\n")
    assert log.read() == ["next"]


def test_a_step_reads_a_bounded_piece_and_a_line_without_end_is_dropped(path: Path, follow: Follow) -> None:
    write(path, "")
    log = follow(path)
    log.read()
    write(path, "x" * (3 * log_file.PIECE) + "\nnext\n")
    pieces = [log.read() for _ in range(5)]
    assert [line for lines in pieces for line in lines][-1] == "next"
    write(path, "y\n" * log_file.PIECE)
    assert sum(len(line) + 1 for line in log.read()) <= log_file.PIECE
