"""What LED, buzzer and vibration say. An output names a pattern; a board looks it up here and plays it.

A wearer learns one language: green is good news and grows from one flash to a steady light as help comes nearer, red
asks for something to be done, blue asks a question.
"""

OFF = "off"
SENDING = "sending"
HEARD = "heard"
STORED = "stored"
PERSON_HAS_IT = "person_has_it"
HELP_SENT = "help_sent"
NOT_DELIVERED = "not_delivered"
CLOSED = "closed"
PRE_ALARM = "pre_alarm"
CANCELLED = "cancelled"
ASKED = "asked"
LOCATE = "locate"
ALERT_MILD = "alert_mild"
ALERT_HIGH = "alert_high"
LOW_BATTERY = "low_battery"
CHARGING = "charging"
FAULT = "fault"

FOREVER = 0


class Pattern:
    """Something to play.

    Attributes:
        steps: pairs (on_ms, off_ms), one after another.
        repeats: how many times; ``FOREVER`` = until the output names another pattern.
        colour: ``red``, ``green``, ``blue`` or ``amber`` of an LED; empty for buzzer and vibration.
    """

    def __init__(self, steps: "tuple[tuple[int, int], ...]", repeats: int, colour: str = "") -> None:
        self.steps = steps
        self.repeats = repeats
        self.colour = colour


SILENT = Pattern((), 1)

LED = {
    OFF: SILENT,
    SENDING: Pattern(((100, 100),), FOREVER, "amber"),
    HEARD: Pattern(((400, 400),), FOREVER, "amber"),
    STORED: Pattern(((100, 900),), FOREVER, "green"),
    PERSON_HAS_IT: Pattern(((100, 150), (100, 650)), FOREVER, "green"),
    HELP_SENT: Pattern(((1000, 0),), FOREVER, "green"),
    NOT_DELIVERED: Pattern(((500, 500),), FOREVER, "red"),
    CLOSED: Pattern(((1500, 0),), 1, "green"),
    PRE_ALARM: Pattern(((150, 150),), FOREVER, "red"),
    CANCELLED: Pattern(((200, 200),), 3, "green"),
    ASKED: Pattern(((300, 300),), FOREVER, "blue"),
    LOCATE: Pattern(((50, 450),), FOREVER, "blue"),
    LOW_BATTERY: Pattern(((50, 4950),), FOREVER, "amber"),
    CHARGING: Pattern(((1000, 1000),), FOREVER, "amber"),
    FAULT: Pattern(((50, 150), (50, 4750)), FOREVER, "red"),
}

BUZZER = {
    OFF: SILENT,
    STORED: Pattern(((80, 0),), 1),
    PERSON_HAS_IT: Pattern(((80, 80), (80, 0)), 1),
    HELP_SENT: Pattern(((80, 80), (80, 80), (80, 0)), 1),
    NOT_DELIVERED: Pattern(((600, 400),), 3),
    CLOSED: Pattern(((300, 0),), 1),
    PRE_ALARM: Pattern(((150, 350),), FOREVER),
    CANCELLED: Pattern(((300, 0),), 1),
    ASKED: Pattern(((150, 150), (150, 1550)), FOREVER),
    LOCATE: Pattern(((300, 200),), FOREVER),
    ALERT_MILD: Pattern(((100, 900),), FOREVER),
    ALERT_HIGH: Pattern(((300, 300),), FOREVER),
}

VIBRATION = {
    OFF: SILENT,
    HEARD: Pattern(((60, 0),), 1),
    STORED: Pattern(((150, 0),), 1),
    PERSON_HAS_IT: Pattern(((150, 150), (150, 0)), 1),
    HELP_SENT: Pattern(((150, 150), (150, 150), (150, 0)), 1),
    NOT_DELIVERED: Pattern(((800, 400),), 2),
    CLOSED: Pattern(((300, 0),), 1),
    PRE_ALARM: Pattern(((200, 300),), FOREVER),
    CANCELLED: Pattern(((300, 0),), 1),
    ASKED: Pattern(((200, 200), (200, 1400)), FOREVER),
}

OF_TOLD = (SENDING, HEARD, STORED, PERSON_HAS_IT, HELP_SENT, NOT_DELIVERED, CLOSED)
"""What to show for ``layout.TOLD_*``, by its number."""
