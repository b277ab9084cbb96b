from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.fields import FieldError, coordinates, local_path, local_time
from hub.web.views.times import Clock, length

LONDON = ZoneInfo("Europe/London")


@given(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from([",", ", ", " ", ";"]))
def test_coordinates_are_read_however_they_are_separated(latitude: float, longitude: float, between: str) -> None:
    found = coordinates("x", f"{latitude:.6f}{between}{longitude:.6f}")

    assert found == pytest.approx((latitude, longitude), abs=1e-6)


@given(st.text())
def test_other_text_is_no_coordinates_or_says_so(text: str) -> None:
    try:
        found = coordinates("x", text)
    except FieldError as refused:
        assert refused.where == "x"
    else:
        assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)


@given(st.text(alphabet="/\\:@.ahtpsvil?#&%\t\n ", max_size=30))
def test_a_path_to_go_to_never_leaves_this_hub(path: str) -> None:
    there = urlsplit(urljoin("https://hub.example/sign-in", local_path(path)))

    assert (there.scheme, there.netloc) == ("https", "hub.example")


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))  # noqa: DTZ001 - what people type has no zone
def test_a_typed_time_is_the_one_on_the_wall(typed: datetime) -> None:
    at = local_time("x", typed.isoformat(timespec="minutes"), LONDON)

    assert at.tzinfo is UTC
    wall = at.astimezone(LONDON).replace(tzinfo=None)
    assert wall - typed.replace(second=0, microsecond=0) in {timedelta(0), timedelta(hours=1)}


def test_of_two_equal_wall_times_the_earlier_is_meant() -> None:
    assert local_time("x", "2026-10-25T01:30", LONDON) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_ten_minutes_over_the_night_the_clocks_go_back_are_ten_minutes() -> None:
    before = local_time("x", "2026-10-25T01:55", LONDON)

    assert (before + timedelta(minutes=10)).astimezone(LONDON).isoformat() == "2026-10-25T01:05:00+00:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (3599, "59 min"), (3600, "1 h 0 min"), (2 * 86400, "2 days")],
)
def test_lengths_are_as_short_as_they_may_be(seconds: int, words: str) -> None:
    assert length(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("moment", "short"),
    [
        (datetime(2026, 7, 1, 8, 5, tzinfo=UTC), "09:05"),
        (datetime(2026, 6, 30, 23, 30, tzinfo=UTC), "00:30"),
        (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), "Tue 23:30"),
        (datetime(2026, 5, 3, 13, 0, tzinfo=UTC), "3 May 14:00"),
        (datetime(2025, 5, 3, 13, 0, tzinfo=UTC), "3 May 2025 14:00"),
    ],
)
def test_moments_say_the_day_when_it_is_not_today(moment: datetime, short: str) -> None:
    assert Clock(datetime(2026, 7, 1, 12, 0, tzinfo=UTC), LONDON).at(moment).short == short


@given(
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))
    | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
    | st.sampled_from([datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))])
    | st.sampled_from([datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))]),
    st.sampled_from(["Pacific/Kiritimati", "Pacific/Niue", "Europe/London"]),
)
def test_every_time_that_can_be_stored_can_be_shown(moment: datetime, zone: str) -> None:
    shown = Clock(datetime(2026, 7, 1, 12, 0, tzinfo=UTC), ZoneInfo(zone)).at(moment)

    assert abs(datetime.fromisoformat(shown.iso) - moment) < timedelta(days=4)
    assert shown.short
