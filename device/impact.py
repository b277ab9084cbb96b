"""What is known of an impact 1.4 s later: figures that tell a fall from a jump. Integers; no axis matters."""

from device.motion import AFTER, BEFORE, DEVIATION, ENERGY, NORM, PEAK, Motion, X, Y, Z, root

_POSTURE = (-BEFORE, -11)
_JUST_BEFORE = (-10, -5)
_WHILE = (3, 8)
_REST = (8, AFTER)
FEWEST = 6
"""Bins there must be before the impact."""
AROUND = 5
"""No bin so near before the impact has a higher peak."""


class Impact:
    """The bin :data:`AFTER` before the newest, and its neighbours: index 0 is the impact itself."""

    def __init__(self, motion: Motion) -> None:
        self._motion = motion

    def stands_out(self, least: int) -> bool:
        """Whether this bin's peak is at least ``least`` mg, and the highest around."""
        peak, first = self._at(0, PEAK), self._first(-AROUND)
        if peak < least or self._motion.count < AFTER + 1 + FEWEST:
            return False
        return peak > self._most(first, -1, PEAK) and 4 * peak >= 3 * self._most(1, AFTER, PEAK)

    def figures(self) -> "list[int]":
        """What the trees ask about; angles as cosines in hundredths, the rest in mg. The order is part of the trees."""
        before, just, mid = self._posture(*_POSTURE), self._posture(*_JUST_BEFORE), self._posture(*_WHILE)
        rest = self._posture(*_REST)
        return [
            _cosine(before, rest),
            max([_cosine(before, self._vector(at)) for at in range(8, AFTER + 1)]),
            self._along(before, 0, 5) // 6,
            sum([max(0, self._at(at, NORM) - 1000) for at in range(self._first(-2), 4)]),
            _cosine(before, mid),
            self._sum(-1, 1, DEVIATION),
            self._mean(-5, 5, DEVIATION),
            self._along(before, 8, AFTER) // 7,
            self._path(-5, 6),
            self._mean(-5, 5, ENERGY),
            self._most(self._first(-3), 3, NORM),
            _cosine(just, rest),
            sum([_cosine(before, self._vector(at)) > 70 for at in range(self._first(-10), AFTER + 1)]),
            self._at(0, PEAK),
            self._mean(8, AFTER, DEVIATION),
            self._most(8, AFTER, DEVIATION),
            1000 * (2 - self._first(-8)) - self._along(before, -8, 1),
            self._mean(1, 3, DEVIATION),
            sum([max(0, 1000 - self._at(at, NORM)) for at in range(self._first(-8), 1)]),
            self._path(8, AFTER),
            self._mean(-BEFORE, -11, DEVIATION),
            sum([_cosine(rest, self._vector(at)) > 80 for at in range(self._first(-15), 8)]),
            self._path(-BEFORE, -11),
            _length(rest),
            self._most(self._first(-3), 2, DEVIATION),
            self._most(self._first(-12), -3, PEAK),
        ]

    def _first(self, index: int) -> int:
        """Not further back than what is kept."""
        return max(index, AFTER + 1 - self._motion.count)

    def _at(self, index: int, field: int) -> int:
        return self._motion.at(index - AFTER, field)

    def _vector(self, index: int) -> "tuple[int, int, int]":
        return self._at(index, X), self._at(index, Y), self._at(index, Z)

    def _posture(self, first: int, last: int) -> "tuple[int, int, int]":
        """Mean vector of some bins; of the oldest kept where those are gone."""
        first = self._first(first)
        last = max(last, first)
        n = last + 1 - first
        return self._sum(first, last, X) // n, self._sum(first, last, Y) // n, self._sum(first, last, Z) // n

    def _sum(self, first: int, last: int, field: int) -> int:
        return sum([self._at(at, field) for at in range(self._first(first), last + 1)])

    def _mean(self, first: int, last: int, field: int) -> int:
        first = self._first(first)
        last = max(last, first)
        return self._sum(first, last, field) // (last + 1 - first)

    def _most(self, first: int, last: int, field: int) -> int:
        return max([self._at(at, field) for at in range(first, last + 1)])

    def _along(self, direction: "tuple[int, int, int]", first: int, last: int) -> int:
        """Sum of what points along ``direction``, mg."""
        length = _length(direction)
        return sum([_dot(direction, self._vector(at)) // length for at in range(self._first(first), last + 1)])

    def _path(self, first: int, last: int) -> int:
        """How far the mean vector went."""
        total = 0
        for at in range(self._first(first) + 1, last + 1):
            a, b = self._vector(at - 1), self._vector(at)
            total += _length((a[0] - b[0], a[1] - b[1], a[2] - b[2]))
        return total


def _dot(a: "tuple[int, int, int]", b: "tuple[int, int, int]") -> int:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _length(a: "tuple[int, int, int]") -> int:
    return max(1, root(_dot(a, a), 1000))


def _cosine(a: "tuple[int, int, int]", b: "tuple[int, int, int]") -> int:
    return 100 * _dot(a, b) // (_length(a) * _length(b))
