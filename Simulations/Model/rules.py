"""The rules of keys, epochs and gaps (Docs/Decisions/0023), each of which can be taken out."""

RULES = {
    "positions_per_epoch": "1: a number at or below the last one of its own epoch is a duplicate, also in an older epoch",
    "failing_waits": "2: an event that fails has a row, and no event of a newer epoch passes it, whatever a process remembers",
    "gap_waits": "2: an event that waits for an earlier one has a row, and no event of a newer epoch passes it",
    "late_kept": "3: an event of an older epoch that was not handled is stored as late, not dropped",
    "epoch_above_now": "4: a new epoch is greater than now",
    "epoch_above_log": "4: a new epoch is greater than the highest of this source in the log",
    "epoch_distinct": "4: two restores of one backup get two epochs, whatever the clock shows",
    "group_goes_back": "5: the groups of a restored consumer go back to the oldest event of the log",
    "log_goes_back": "5: the groups of a restored log go back to its oldest event",
    "resend_apart": "6: events that are sent again do not count as backlog",
    "before_counted": "7: events from before the beginning of a `latest` group are acknowledged and counted",
    "base_of_older_keys": "8: a first number other than 1 is accepted only for keys older than the group",
    "base_is_lowest": "8: no number above one that was received and returned is accepted as the first",
    "start_once": "9: `start` counts once: a group that has begun continues after what it has handled",
    "purge_booked": "9: what the log removes before a group has handled it is booked",
    "gap_position_stays": "10: an event that is parked behind a gap does not move the position",
    "gap_redrives": "10: the missing event closes the gap, and what is behind it is redriven",
    "fill_waits": "10: an event that an operator supplies is handled in its order",
    "redrive_stops_at_gap": "10: no redrive passes a missing number",
    "stored_is_duplicate": "10: an event that is parked is not stored again",
    "skipped_is_late": "10: a number that an operator skipped is late when it comes",
    "late_apart": "11: a late event parks no key",
    "late_remembered": "11: a late event that was redriven by name is a duplicate when it comes again",
    "answer_per_event": "12: one refused event does not stop the publication of the others",
}
EVERY = frozenset(RULES)
