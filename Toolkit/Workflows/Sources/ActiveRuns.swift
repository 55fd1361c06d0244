import MartletCore

/// The executing runs of one engine, by id.
struct ActiveRuns: Sendable {
    private struct Entry {
        let fencingToken: Int
        /// Claimed when it was started, not from the database.
        let isNew: Bool
        /// Its step fails, for another reason than load, or failed when it was claimed.
        var isStalled: Bool
    }

    private var entries: [ExactText: Entry] = [:]
    /// Runs whose step is repeated until its callee responds.
    private(set) var stalled = 0
    /// Runs that execute since they were started, without stalled ones.
    private(set) var progressing = 0

    var count: Int { entries.count }
    var ids: [ExactText] { Array(entries.keys) }

    func contains(_ id: ExactText) -> Bool { entries[id] != nil }

    mutating func add(_ run: ClaimedRun, isNew: Bool) {
        let id = ExactText(run.id)
        leave(entries[id])
        let entry = Entry(fencingToken: run.fencingToken, isNew: isNew, isStalled: run.attempts.failures > 0)
        entries[id] = entry
        enter(entry)
    }

    /// - Returns: True when it executed since it was started; false also when this execution is not the last one.
    mutating func remove(_ run: ClaimedRun) -> Bool {
        let id = ExactText(run.id)
        guard let entry = entries[id], entry.fencingToken == run.fencingToken else { return false }
        leave(entry)
        entries[id] = nil
        return entry.isNew
    }

    mutating func set(_ run: ClaimedRun, isStalled: Bool) {
        let id = ExactText(run.id)
        guard var entry = entries[id], entry.fencingToken == run.fencingToken else { return }
        leave(entry)
        entry.isStalled = isStalled
        entries[id] = entry
        enter(entry)
    }

    private mutating func enter(_ entry: Entry) {
        if entry.isStalled { stalled += 1 } else if entry.isNew { progressing += 1 }
    }

    private mutating func leave(_ entry: Entry?) {
        guard let entry else { return }
        if entry.isStalled { stalled -= 1 } else if entry.isNew { progressing -= 1 }
    }
}
