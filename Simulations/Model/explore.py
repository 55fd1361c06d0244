"""Explores every state of a scope up to a depth, and checks the invariants in each."""

from typing import NamedTuple

from inbox import covers
from rules import EVERY
from world import World, is_newest, settled, steps


class Scope(NamedTuple):
    """Which actions are possible and how often, by name. Without acknowledgements, every delivery may come again."""

    name: str
    start: str
    budget: dict
    acknowledges: bool = True
    publishes_at_once: bool = True

    @property
    def actions(self):
        return tuple(self.budget)


def scope(name, text, start="earliest", **options):
    """A scope of actions that are separated by commas, each with its number."""
    pairs = [action.strip().rsplit(" ", 1) for action in text.split(",")]
    return Scope(name, start, {action: int(count) for action, count in pairs}, **options)


SCOPES = [
    scope("epochs", "commit 3, join 1, resend 1, back up source 1, restore source 1, restore source behind 1, restore log 1, "
          "redrive late 1", acknowledges=False),
    scope("clocks", "commit 2, join 1, restore source 2, restore source behind 1, restore log 1, back up log 1"),
    scope("failures", "commit 3, join 1, fail 2, resend 1, back up source 1, restore source 1, restore log 1, redrive 1",
          acknowledges=False),
    scope("consumers", "commit 2, join 1, crash 1, fail 1, back up inbox 1, restore inbox 1, back up log 1, restore log 1, "
          "restore source 1, resend 1"),
    scope("gaps", "commit 4, join 1, patience 2, fail 1, resend 1, restore log 1, skip 1, redrive 1", acknowledges=False),
    scope("fills", "commit 4, join 1, patience 2, fail 2, fill 2, skip 1, skip later 1, redrive 1",
          acknowledges=False),
    scope("gaps of epochs", "commit 3, join 1, patience 1, fail 1, resend 1, back up source 1, restore source 1, "
          "restore log 1, skip 1, redrive late 1", acknowledges=False),
    scope("latest", "commit 3, join 2, fail 1, patience 1, resend 1, restore source 1, restore log 1, remove group 1, purge 1",
          start="latest"),
    scope("earliest", "commit 3, join 2, fail 1, patience 1, resend 1, restore log 1, remove group 1, purge 1, skip 1"),
    scope("outbox", "commit 4, publish 3, join 1, refuse 1, resend 1, back up source 1, restore source 1, restore log 1",
          publishes_at_once=False),
]


class Finding(NamedTuple):
    text: str
    steps: tuple


def violation(world, scope, rules):
    """What is wrong now; `None` when nothing is."""
    inbox = world.inbox
    if len(set(inbox.applied)) < len(inbox.applied):
        return "an event took effect twice"
    in_order = [event for event in inbox.applied if event not in inbox.redriven]
    if in_order != sorted(in_order):
        return "events took effect out of order"
    for event in inbox.late:
        is_skipped = (event.epoch, event.number) in inbox.skipped
        if event in inbox.applied:
            return "an event that took effect is late"
        if event in inbox.failed and not is_skipped:
            return "an event that was returned is late"
        if is_newest(world, event):
            return "an event of the newest epoch is late"
        if not is_skipped and not any(
                epoch > event.epoch or epoch == event.epoch and base > event.number and event.first < inbox.began
                for epoch, base, _ in inbox.positions):
            return "an event is late without a reason"
    if world.is_refused:
        return "a write was refused because of events that were sent before"
    return None


def unsettled(world, scope, rules):
    """What is wrong after everything has settled: something is lost and nowhere to be seen, or waits without a reason."""
    end = settled(world, scope, rules)
    inbox = end.inbox
    found = violation(end, scope, rules)
    if found:
        return found
    seen = {*inbox.applied, *inbox.late, *inbox.parked, *inbox.before, *end.booked}
    held = [row[0] for row in end.source.rows] + [copy[0] for copy in end.log.copies] + list(end.purged)
    if scope.start == "latest":
        held = [event for event in held if event.at >= inbox.began]
    if any(event not in seen for event in held):
        return "an event is lost and named nowhere"
    if any(not is_acknowledged for _, is_acknowledged in end.log.copies):
        return "an event waits permanently"
    if inbox.parked and covers(inbox, inbox.parked[0]) and inbox.parked[0] not in inbox.failed:
        return "an event is parked without a reason"
    if any(event.at < inbox.began for event in inbox.parked) and scope.start == "latest":
        return "an event from before the beginning of its group is parked"
    return None


def explore(scope, depth, rules=EVERY):
    """The first violation found, by the fewest steps, or `None`; and the number of states.

    A state is known by its hash of 61 bits, which two of ten million states share with a probability of 0.00002.
    """
    start = World(left=tuple(scope.budget.values()))
    known = {hash(start)}
    frontier = [(start, None)]
    for _ in range(depth):
        following = []
        for world, path in frontier:
            for action, after in steps(world, scope, rules):
                if after == world and action != "commit":
                    continue
                after = spent(after, scope, action)
                if hash(after) in known:
                    continue
                known.add(hash(after))
                found = violation(after, scope, rules) or unsettled(after, scope, rules)
                if found:
                    return Finding(found, actions((path, action))), len(known)
                following.append((after, (path, action)))
        frontier = following
    return None, len(known)


def spent(world, scope, action):
    if action not in scope.budget:
        return world
    index = scope.actions.index(action)
    return world._replace(left=world.left[:index] + (world.left[index] - 1,) + world.left[index + 1:])


def actions(path):
    names = []
    while path:
        path, name = path
        names.append(name)
    return tuple(reversed(names))
