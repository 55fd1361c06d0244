"""One key of one source at one group: what the consumer's database stores, and what a delivery changes."""

from typing import NamedTuple


class Event(NamedTuple):
    """Compares by epoch and number. `at` is its commit and identifies it, `first` the commit of the epoch's number 1, as in
    `Envelope.keySince`."""

    epoch: int
    number: int
    at: int
    first: int


class Inbox(NamedTuple):
    began: int = -1  # When the group began; -1 while it has not.
    positions: tuple = ()  # (epoch, base, last), by epoch: everything from base to last was handled, skipped or parked.
    waiting: tuple = ()  # (epoch, lowest, highest): the numbers that were received and returned, of each epoch.
    parked: tuple = ()  # Events, in order.
    skipped: tuple = ()  # (epoch, number).
    late: tuple = ()  # Events that an operator has to look at.
    redriven: tuple = ()  # Late events that an operator redrove.
    before: tuple = ()  # Events from before the beginning of the group.
    applied: tuple = ()  # The handler's effects.
    failed: tuple = ()  # Events whose handler failed, or that were returned: for the invariants.


def last(inbox, epoch):
    return next((position[2] for position in inbox.positions if position[0] == epoch), 0)


def reached(inbox, epoch):
    """The last number of an epoch, and the skipped ones behind it."""
    number = last(inbox, epoch)
    while (epoch, number + 1) in inbox.skipped:
        number += 1
    return number


def newest(inbox):
    return inbox.positions[-1][0] if inbox.positions else 0


def covers(inbox, event):
    return any(epoch == event.epoch and base <= event.number <= last for epoch, base, last in inbox.positions)


def is_held_back(inbox, event):
    """An event of an older epoch was received and returned."""
    current = newest(inbox)
    return any(current <= epoch < event.epoch and highest > last(inbox, epoch) for epoch, _, highest in inbox.waiting)


def is_next(inbox, event, rules):
    """The first number of an epoch follows the rule of `GroupBeginning.acceptsBase`."""
    if is_held_back(inbox, event):
        return False
    if any(epoch == event.epoch for epoch, _, _ in inbox.positions):
        return event.number == reached(inbox, event.epoch) + 1
    if event.number == 1:
        return True
    if "base_is_lowest" in rules and any(epoch == event.epoch and lowest < event.number for epoch, lowest, _ in inbox.waiting):
        return False
    return event.first < inbox.began or "base_of_older_keys" not in rules


def decide(inbox, event, start, rules):
    """apply, store, wait, late, before or duplicate."""
    is_known = "late_remembered" in rules and event in inbox.redriven
    if event in inbox.late or event in inbox.before or is_known:
        return "duplicate"
    if (event.epoch, event.number) in inbox.skipped:
        return "late" if "skipped_is_late" in rules else "duplicate"
    if event in inbox.parked and "stored_is_duplicate" in rules:
        return "duplicate"
    if covers(inbox, event) and event not in inbox.parked:
        return "duplicate"
    if start == "latest" and event.at < inbox.began and "before_counted" in rules:
        return "before"
    if event.epoch < newest(inbox) or event.number <= last(inbox, event.epoch) and event not in inbox.parked:
        return "late"
    if inbox.parked:
        return "apply" if event < inbox.parked[0] and is_next(inbox, event, rules) else "store"
    return "apply" if is_next(inbox, event, rules) else "wait"


def put(rows, epoch, *values):
    return tuple(sorted([row for row in rows if row[0] != epoch] + [(epoch, *values)]))


def advanced(inbox, event, rules):
    base = next((position[1] for position in inbox.positions if position[0] == event.epoch), event.number)
    positions = put(inbox.positions, event.epoch, base, event.number)
    if "positions_per_epoch" not in rules:
        positions = positions[-1:]
    waiting = tuple(row for row in inbox.waiting if row[0] != event.epoch or row[2] > event.number)
    return inbox._replace(positions=positions, waiting=waiting)


def redriven(inbox, rules):
    """Handles what is parked, in order, up to a missing number."""
    while inbox.parked:
        first = inbox.parked[0]
        if not covers(inbox, first):
            if not is_next(inbox, first, rules) and "redrive_stops_at_gap" in rules:
                return inbox
            inbox = advanced(inbox, first, rules)
        inbox = inbox._replace(parked=inbox.parked[1:], applied=inbox.applied + (first,))
    return inbox


def stored(inbox, event, rules):
    """Parks the event; the position moves over numbers that are complete."""
    inbox = inbox._replace(parked=tuple(sorted(inbox.parked + (event,))))
    for parked in inbox.parked:
        if parked.epoch == newest(inbox) and parked.number == reached(inbox, parked.epoch) + 1:
            inbox = advanced(inbox, parked, rules)
    return inbox


def returned(inbox, event, rule, rules):
    """Notes that the event was received and not handled."""
    if event not in inbox.failed:
        inbox = inbox._replace(failed=tuple(sorted(inbox.failed + (event,))))
    if rule not in rules:
        return inbox
    numbers = [event.number] + [number for row in inbox.waiting if row[0] == event.epoch for number in row[1:]]
    return inbox._replace(waiting=put(inbox.waiting, event.epoch, min(numbers), max(numbers)))


def delivered(inbox, event, start, rules, succeeds=True, is_overdue=False):
    """The inbox after a delivery, and whether the event is acknowledged."""
    decision = decide(inbox, event, start, rules)
    if decision == "before":
        return inbox._replace(before=inbox.before + (event,)), True
    if decision == "late" and "late_kept" in rules:
        if "late_apart" in rules:
            return inbox._replace(late=inbox.late + (event,)), True
        return inbox._replace(parked=tuple(sorted(inbox.parked + (event,)))), True
    if decision in ("duplicate", "late"):
        return inbox, True
    if decision == "store":
        return stored(inbox, event, rules), True
    if decision == "wait":
        if not is_overdue:
            return returned(inbox, event, "gap_waits", rules), False
        inbox = inbox._replace(parked=(event,))
        return (inbox if "gap_position_stays" in rules else advanced(inbox, event, rules)), True
    if not succeeds:
        return failed(inbox, event, rules)
    inbox = advanced(inbox, event, rules)._replace(applied=inbox.applied + (event,))
    return (redriven(inbox, rules) if inbox.parked and "gap_redrives" in rules else inbox), True


def failed(inbox, event, rules):
    """The second failure parks the event."""
    if event in inbox.failed:
        inbox = advanced(inbox, event, rules)
        return stored(inbox, event, rules), True
    return returned(inbox, event, "failing_waits", rules), False


def is_missing(inbox, event):
    """The event is not there, and something parked waits for it."""
    if not inbox.parked or event in inbox.parked or event.epoch < newest(inbox):
        return False
    if event.number <= last(inbox, event.epoch):
        return False
    return event < inbox.parked[-1] and (event.epoch, event.number) not in inbox.skipped


def filled(inbox, event, rules):
    """An operator supplies a missing event: it is parked in its place, and redriven when it is the next and the first."""
    if "fill_waits" not in rules:
        return advanced(inbox, event, rules)._replace(applied=inbox.applied + (event,))
    is_first = event < inbox.parked[0] and is_next(inbox, event, rules)
    inbox = stored(inbox, event, rules)
    return redriven(inbox, rules) if is_first else inbox


def later_gaps(inbox):
    """What is missing between two parked events of one epoch, as tuples of numbers."""
    for before, after in zip(inbox.parked, inbox.parked[1:]):
        numbers = tuple((after.epoch, number) for number in range(before.number + 1, after.number))
        if before.epoch == after.epoch and numbers and not set(numbers) & set(inbox.skipped):
            yield numbers


def skipped(inbox, rules):
    """An operator gives up the numbers that are missing before the first parked event."""
    first = inbox.parked[0]
    epoch, to = first.epoch, first.number - 1
    for older, _, highest in inbox.waiting:
        if newest(inbox) <= older < epoch and highest > last(inbox, older):
            epoch, to = older, highest
            break
    start = last(inbox, epoch) + 1
    base = next((position[1] for position in inbox.positions if position[0] == epoch), start)
    numbers = tuple((epoch, number) for number in range(start, to + 1))
    waiting = tuple(row for row in inbox.waiting if row[0] != epoch or row[2] > to)
    inbox = inbox._replace(skipped=inbox.skipped + numbers, positions=put(inbox.positions, epoch, base, to), waiting=waiting)
    return redriven(inbox, rules)
