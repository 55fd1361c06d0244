"""One source, one log and one group, with their backups: every action that can happen to one key."""

from typing import NamedTuple

from inbox import Event, Inbox, covers, delivered, filled, is_missing, is_next, later_gaps, newest, redriven, skipped

# Unsent events at which a source refuses writes.
BACKLOG_LIMIT = 2
# Restores of one run; epochs of equal time differ below this.
EPOCH_STEP = 8


class Source(NamedTuple):
    epoch: int = EPOCH_STEP
    next: int = 1
    first: int = 0
    rows: tuple = ()  # (event, is sent, was sent before).


class Log(NamedTuple):
    has_group: bool = False
    copies: tuple = ()  # (event, is acknowledged).


class World(NamedTuple):
    source: Source = Source()
    source_backup: Source = Source()
    log: Log = Log()
    log_backup: Log = Log()
    inbox: Inbox = Inbox()
    inbox_backup: Inbox = Inbox()
    now: int = 1
    restores: int = 0
    top: int = EPOCH_STEP  # The highest epoch there was.
    is_behind: bool = False  # At a restore neither the clock nor the log had the highest epoch.
    has_refused: bool = False  # An event of another key is refused by the log.
    is_refused: bool = False  # A write was refused because of events that were sent before.
    purged: tuple = ()
    booked: tuple = ()
    left: tuple = ()  # How often each action of the scope may still happen.


def publish(world, rules):
    if world.has_refused and "answer_per_event" not in rules:
        return world
    log = world.log
    for event, is_sent, _ in world.source.rows:
        if not is_sent:
            log = log._replace(copies=copied(log.copies, event))
    rows = tuple((event, True, False) for event, _, _ in world.source.rows)
    return world._replace(source=world.source._replace(rows=rows), log=log)


def copied(copies, event):
    """A second copy of an event that waits changes nothing."""
    return tuple(copy for copy in copies if copy[0] != event) + ((event, False),)


def commit(world):
    source = world.source
    unsent = [row for row in source.rows if not row[1]]
    if len(unsent) >= BACKLOG_LIMIT:
        return world._replace(is_refused=any(row[2] for row in unsent))
    first = world.now if source.next == 1 else source.first
    event = Event(source.epoch, source.next, world.now, first)
    source = source._replace(next=source.next + 1, first=first, rows=source.rows + ((event, False, False),))
    return world._replace(source=source, now=world.now + 1)


def resend(world, rules):
    if "resend_apart" not in rules:
        rows = tuple((event, False, is_sent) for event, is_sent, _ in world.source.rows)
        return world._replace(source=world.source._replace(rows=rows))
    copies = world.log.copies
    for event, is_sent, _ in world.source.rows:
        if is_sent:
            copies = copied(copies, event)
    return world._replace(log=world.log._replace(copies=copies))


def restore_source(world, rules, is_behind):
    """The epoch rises in steps. Within a step a number differs for each restore: it falls, as a random one may."""
    above, held = [world.source_backup.epoch], [event.epoch for event, _ in world.log.copies]
    if "epoch_above_log" in rules:
        above += held
    if "epoch_above_now" in rules and not is_behind:
        above.append(world.top)
    restores = world.restores + 1
    epoch = (max(above) // EPOCH_STEP + 1) * EPOCH_STEP + (EPOCH_STEP - restores if "epoch_distinct" in rules else 0)
    source = world.source_backup._replace(epoch=epoch, next=1, first=0)
    is_behind = world.is_behind or is_behind and world.top not in held
    return world._replace(source=source, restores=restores, top=max(world.top, epoch), is_behind=is_behind)


def gone_back(log):
    return log._replace(copies=tuple((event, False) for event, _ in log.copies))


def restore_log(world, rules):
    log = world.log_backup
    return world._replace(log=gone_back(log) if "log_goes_back" in rules else log)


def restore_inbox(world, rules):
    log, inbox = world.log, world.inbox_backup
    if "group_goes_back" in rules:
        log = gone_back(log)
    if inbox.began < 0 and world.inbox.began >= 0:
        inbox = inbox._replace(began=world.now)
    return world._replace(inbox=inbox, log=log)


def join(world, start, rules):
    """Makes the group when the log has none."""
    inbox, copies = world.inbox, world.log.copies
    is_known = inbox.began >= 0
    if start == "latest" and not (is_known and "start_once" in rules):
        copies = tuple((event, True) for event, _ in copies)
    if not is_known:
        inbox = inbox._replace(began=world.now)
    return world._replace(inbox=inbox, log=Log(True, copies), now=world.now + 1)


def deliver(world, index, scope, rules, is_acknowledged=True, **outcome):
    event = world.log.copies[index][0]
    inbox, is_done = delivered(world.inbox, event, scope.start, rules, **outcome)
    copies = world.log.copies
    if is_done and is_acknowledged and scope.acknowledges:
        copies = copies[:index] + ((event, True),) + copies[index + 1:]
    if inbox == world.inbox and copies == world.log.copies:
        return world
    return world._replace(inbox=inbox, log=world.log._replace(copies=copies))


def purge(world, index, rules):
    """The log and the source remove an event that the group has not handled."""
    event = world.log.copies[index][0]
    copies = world.log.copies[:index] + world.log.copies[index + 1:]
    rows = tuple(row for row in world.source.rows if row[0] != event)
    booked = world.booked + ((event,) if "purge_booked" in rules else ())
    return world._replace(
        log=world.log._replace(copies=copies), source=world.source._replace(rows=rows),
        purged=world.purged + (event,), booked=booked)


def redrive_late(world):
    inbox = world.inbox
    event = inbox.late[0]
    return world._replace(inbox=inbox._replace(
        late=inbox.late[1:], redriven=inbox.redriven + (event,), applied=inbox.applied + (event,)))


def steps(world, scope, rules):
    """Every action that its budget allows, with the world after it."""
    left = dict(zip(scope.actions, world.left))
    inbox, log, source = world.inbox, world.log, world.source

    def may(name, condition=True):
        return condition and left.get(name, 0) > 0

    if may("commit"):
        committed = commit(world)
        yield "commit", (publish(committed, rules) if scope.publishes_at_once else committed)
    if may("publish", any(not row[1] for row in source.rows)):
        yield "publish", publish(world, rules)
    if may("refuse"):
        yield "refuse", world._replace(has_refused=True)
    if may("resend", source.rows):
        yield "resend", resend(world, rules)
    if may("join", not log.has_group):
        yield "join", join(world, scope.start, rules)
    for index, (event, is_acknowledged) in enumerate(log.copies if log.has_group else ()):
        if is_acknowledged:
            continue
        yield "deliver", deliver(world, index, scope, rules)
        if may("crash"):
            yield "crash", deliver(world, index, scope, rules, is_acknowledged=False)
        if may("fail"):
            yield "fail", deliver(world, index, scope, rules, succeeds=False)
        if may("patience"):
            yield "patience", deliver(world, index, scope, rules, is_overdue=True)
        if may("purge"):
            yield "purge", purge(world, index, rules)
    if may("back up source", source != world.source_backup):
        yield "back up source", world._replace(source_backup=source)
    if may("restore source"):
        yield "restore source", restore_source(world, rules, False)
    if may("restore source behind"):
        yield "restore source behind", restore_source(world, rules, True)
    if may("back up inbox", inbox != world.inbox_backup):
        yield "back up inbox", world._replace(inbox_backup=inbox)
    if may("restore inbox", inbox != world.inbox_backup):
        yield "restore inbox", restore_inbox(world, rules)
    if may("back up log", log != world.log_backup):
        yield "back up log", world._replace(log_backup=log)
    if may("restore log", log != world.log_backup):
        yield "restore log", restore_log(world, rules)
    if may("remove group", log.has_group):
        yield "remove group", world._replace(log=Log(False, log.copies))
    if may("skip", inbox.parked and not covers(inbox, inbox.parked[0]) and not is_next(inbox, inbox.parked[0], rules)):
        yield "skip", world._replace(inbox=skipped(inbox, rules))
    if may("skip later"):
        for numbers in later_gaps(inbox):
            yield "skip later", world._replace(inbox=inbox._replace(skipped=inbox.skipped + numbers))
    if may("fill"):
        for event in sorted({row[0] for row in source.rows} | set(world.purged)):
            if is_missing(inbox, event):
                yield "fill", world._replace(inbox=filled(inbox, event, rules))
    if may("redrive", inbox.parked):
        yield "redrive", world._replace(inbox=redriven(inbox, rules))
    if may("redrive late", inbox.late):
        yield "redrive late", redrive_late(world)


def settled(world, scope, rules):
    """The world after everything that heals by itself, a resend of what the source has, and the end of all patience."""
    scope = scope._replace(acknowledges=True)
    if not world.log.has_group:
        world = join(world, scope.start, rules)
    world = publish(resend(publish(world, rules), rules), rules)
    for is_overdue in (False, True):
        while True:
            before = world
            for index in range(len(world.log.copies)):
                if not world.log.copies[index][1]:
                    world = deliver(world, index, scope, rules, is_overdue=is_overdue)
            if world == before:
                break
    return world


def is_newest(world, event):
    return event.epoch == world.source.epoch and not world.is_behind and newest(world.inbox) > event.epoch
