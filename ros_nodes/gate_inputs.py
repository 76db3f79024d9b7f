"""One source of commands as the gate knows it: its stamps, its switch, its last word. No ROS."""

from __future__ import annotations

from ros_nodes.gate_rules import MS, Now, Proposal, Refusal, Rules


def age_ns(what: str, stamp_ns: int, max_age_ns: int, now: Now, rules: Rules) -> int:
    """Age of a stamp.

    Raises:
        Refusal: it is zero, too old or in the future, or there is no time to judge it by.
    """
    if now.ros_ns <= 0:
        raise Refusal(f"{what}: no time yet to judge its stamp by; is /clock there?")
    if stamp_ns <= 0:
        raise Refusal(f"{what}: stamp {stamp_ns}; need the time of the observation")
    age = now.ros_ns - stamp_ns
    if -age > rules.max_ahead_ns:
        limit_ms = rules.max_ahead_ns / MS
        raise Refusal(f"{what}: {-age / MS:.0f} ms in the future, need {limit_ms:.0f} or less")
    if age > max_age_ns:
        raise Refusal(f"{what}: {age / MS:.0f} ms old, need {max_age_ns / MS:.0f} or less")
    return age


class Input:
    """What is known of one source."""

    def __init__(self, name: str, rules: Rules) -> None:
        self.name = name
        self.last_ns: dict[str, int] = {}
        """Stamp of the last accepted message of each channel."""
        self.proposal: Proposal | None = None
        self.heard_ns = 0
        """When it last moved the robot, on the watchdogs' clock."""
        self._rules = rules
        self._pressed: bool | None = None
        self._pressed_ns = 0

    def press(self, pressed: bool, watch_ns: int) -> None:
        """Its dead man's switch; once heard of, nothing moves without it."""
        self._pressed, self._pressed_ns = pressed, watch_ns

    @property
    def pressed(self) -> bool:
        """Whether its dead man's switch was heard of last as pressed."""
        return bool(self._pressed)

    def check(self, channel: str, stamp_ns: int, now: Now, watch_ns: int) -> None:
        """Whether a message may count.

        Raises:
            Refusal: for its stamp, its place in the order, or the dead man's switch.
        """
        age_ns(self.name, stamp_ns, self._rules.max_age_ns, now, self._rules)
        last_ns = self.last_ns.get(channel, 0)
        if stamp_ns < last_ns:
            late_ms = (last_ns - stamp_ns) / MS
            raise Refusal(f"{self.name}: {late_ms:.0f} ms older than the one before")
        if wrong := self.switch_fault(watch_ns):
            raise Refusal(f"{self.name}: {wrong}")

    def switch_fault(self, watch_ns: int) -> str:
        """What is wrong with the dead man's switch, "" if nothing."""
        if self._pressed is None:
            return ""
        if watch_ns - self._pressed_ns > self._rules.watchdog_ns:
            return "the dead man's switch is silent"
        return "" if self._pressed else "the dead man's switch is let go"
