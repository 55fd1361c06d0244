import MartletCore
import MartletSQL
import Synchronization

/// The context of a journal transaction.
struct JournalTurn: Sendable {
    let date: Timestamp
    /// True when an earlier attempt may have been committed.
    let isRepeat: Bool
}

extension WorkflowContext {
    /// Runs `body` in a transaction that also writes every unwritten entry.
    ///
    /// The body applies a ``RunChange``, which is what makes the transaction conditional on the fence.
    ///
    /// - Throws: ``WorkflowInterrupted`` when the lease is lost or the database does not respond; otherwise what `body`
    ///   throws.
    func journalTransaction<R: Sendable>(
        _ name: StaticString,
        _ body: @escaping @Sendable (borrowing SQLTransaction, JournalTurn) throws -> R
    ) async throws -> R {
        let run = run
        let unwritten = execution.withLock { $0.journal.unwritten }
        var failures = 0
        while true {
            let isRepeat = failures > 0
            do {
                let result = try await tools.database.transaction(name) { (tx: borrowing SQLTransaction) in
                    let date = try tx.date
                    for var entry in unwritten {
                        entry.at = date
                        try WorkflowStore.put(entry, of: run.id, in: tx)
                    }
                    return try body(tx, JournalTurn(date: date, isRepeat: isRepeat))
                }
                execution.withLock { $0.journal.wrote(unwritten) }
                return result
            } catch is LeaseLost {
                throw end(.leaseLost)
            } catch let error as SQLError where error.kind != .constraint && error.kind != .misuse {
                failures += 1
                guard failures < tools.limits.journalAttemptsLimit else { throw end(.interrupted(error)) }
                try await wait(for: tools.limits.backoff.nominal(after: failures + 1))
            }
        }
    }

    /// As ``journalTransaction(_:_:)``, but any other error ends the execution.
    func journalOnly<R: Sendable>(
        _ name: StaticString,
        _ body: @escaping @Sendable (borrowing SQLTransaction, JournalTurn) throws -> R
    ) async throws -> R {
        do { return try await journalTransaction(name, body) } catch let error as WorkflowInterrupted {
            throw error
        } catch {
            throw end(.interrupted(error))
        }
    }

    /// Whether everything that this execution has done so far is durable, so that a replay comes to the same place.
    ///
    /// No result may be unwritten, and no value: what follows may depend on it.
    var isAllWritten: Bool { execution.withLock { $0.journal.unwritten.isEmpty } }

    /// Writes `entry` as begun if its first attempt was made without that.
    func intendIfUnwritten(_ entry: JournalEntry) async throws {
        guard execution.withLock({ $0.journal.isUnwritten(entry.seq) }) else { return }
        try await intend(entry)
    }

    /// Writes `entry` as begun, so that its key is durable before the call.
    func intend(_ entry: JournalEntry) async throws {
        record(entry, isWritten: false)
        try await requireLease()
        if crashPoint("workflow.intent") { throw end(.killed) }
    }

    /// Renews the lease, and writes what is unwritten; ends the execution if the run belongs to another process by now.
    package func requireLease() async throws {
        let run = run
        let lease = tools.limits.lease
        try await journalOnly("workflow.intent") { (tx: borrowing SQLTransaction, turn: JournalTurn) in
            try WorkflowStore.apply(.progressed(leaseUntil: turn.date + lease), to: run, at: turn.date, in: tx)
        }
    }

    /// Writes `entry` as begun together with `effect`, which happens once.
    ///
    /// - Throws: What `effect` throws, with nothing committed.
    func intend(_ entry: JournalEntry, with effect: @escaping LocalEffect) async throws {
        let run = run
        let lease = tools.limits.lease
        let written = try await journalTransaction("workflow.intent") {
            (tx: borrowing SQLTransaction, turn: JournalTurn) -> JournalEntry in
            try WorkflowStore.apply(.progressed(leaseUntil: turn.date + lease), to: run, at: turn.date, in: tx)
            if turn.isRepeat, let known = try WorkflowStore.entry(entry.seq, of: run.id, in: tx) { return known }
            try BodyThrew.around { try effect(tx) }
            var entry = entry
            entry.at = turn.date
            try WorkflowStore.put(entry, of: run.id, in: tx)
            return entry
        }
        record(written, isWritten: true)
        if crashPoint("workflow.intent") { throw end(.killed) }
    }

    /// Releases the run for `delay`.
    func suspend(for delay: Duration, attempts: Attempts) async throws -> WorkflowInterrupted {
        let run = run
        let until = try await journalOnly("workflow.suspend") { (tx: borrowing SQLTransaction, turn: JournalTurn) in
            let until = turn.date + delay
            try WorkflowStore.apply(
                .suspended(until: until, waitingFor: nil, attempts: attempts),
                to: run,
                at: turn.date,
                in: tx
            )
            return until
        }
        return end(.suspended(until: until))
    }
}
