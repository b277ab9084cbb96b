"""How a process dies: between any two of its writes, as by a power cut."""

from __future__ import annotations


class Killed(BaseException):
    """The process ends here.

    Attributes:
        where: before or after which write.
    """

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


class Fate:
    """Of one run of a process.

    Attributes:
        dead: nothing it still does reaches anybody.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self.dead = False

    def doom(self, points: int) -> None:
        """Die when this many further points have been passed."""
        self._left = points

    @property
    def is_doomed(self) -> bool:
        return self._left is not None

    def point(self, where: str) -> None:
        """A write begins, or is over.

        Raises:
            Killed: here.
        """
        if self._left is None or self.dead:
            return
        self._left -= 1
        if self._left < 0:
            self.dead = True
            raise Killed(where)
