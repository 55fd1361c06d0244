public import MartletCore
import MartletSQL

extension WorkflowContext {
    /// Waits by the database's clock, across restarts.
    ///
    /// The run uses no memory meanwhile.
    ///
    /// - Throws: ``StepRefused`` when an operator ends the run.
    public func sleep(_ step: String, for duration: Duration) async throws {
        let visit = try enter(step, .timer, inputHash: "")
        defer { leave() }
        switch visit {
        case .finished(let entry): let _: NoValue = try replayed(entry, as: NoValue.self)
        case .open(let entry):
            if isRefusing { let _: NoValue = try refuse(entry, .byOperator, as: NoValue.self) }
            guard let due = try due(entry) else { throw end(.parked(reason: unreadableDue(step))) }
            guard due <= run.date else { throw try await suspend(until: due) }
            var entry = entry
            entry.state = .done
            entry.result = try stored(NoValue(), of: step)
            record(entry, isWritten: false)
        case .new(let seq):
            let entry = blank(seq, step, kind: .timer, inputHash: "")
            if isRefusing { let _: NoValue = try refuse(entry, .byOperator, as: NoValue.self) }
            throw try await begin(entry, for: duration)
        }
    }

    /// Waits for the next signal of this name, sent before or after the wait began.
    ///
    /// - Throws: ``StepRefused`` when an operator ends the run.
    public func signal<P: Codable & Sendable>(
        _ step: String,
        _ name: String,
        as type: P.Type = String.self
    ) async throws -> P {
        let payload = try await awaitSignal(step, name, timeout: nil)
        return try replayed(payload, as: type)
    }

    /// Waits for the next signal of this name; `nil` when none arrives in time.
    ///
    /// ```swift
    /// func isApproved(_ context: WorkflowContext) async throws -> Bool {
    ///     try await context.signal("approval", "approved", as: Bool.self, timeout: .seconds(24 * 3_600)) ?? false
    /// }
    ///
    /// func approve(_ run: String, in engine: WorkflowEngine, _ tx: borrowing SQLTransaction) throws {
    ///     try engine.signal(run: run, name: "approved", payload: true, in: tx)
    /// }
    /// ```
    ///
    /// - Throws: ``StepRefused`` when an operator ends the run.
    public func signal<P: Codable & Sendable>(
        _ step: String,
        _ name: String,
        as type: P.Type = String.self,
        timeout: Duration
    ) async throws -> P? {
        let payload = try await awaitSignal(step, name, timeout: timeout)
        return try replayed(payload, as: P?.self)
    }

    /// The wall clock, journaled: the same in every replay.
    public func date(_ step: String) throws -> Timestamp {
        Timestamp(microseconds: try value(step) { $0.runtime.time.date.microseconds })
    }

    /// A new identifier, journaled: the same in every replay.
    public func identifier(_ step: String) throws -> String {
        try value(step) { "\($0.runtime.identifier())" }
    }

    private func value<R: Codable & Sendable>(_ step: String, _ make: (WorkflowTools) -> R) throws -> R {
        let visit = try enter(step, .value, inputHash: "")
        defer { leave() }
        switch visit {
        case .finished(let entry), .open(let entry): return try replayed(entry, as: R.self)
        case .new(let seq):
            let value = make(tools)
            var entry = blank(seq, step, kind: .value, inputHash: "")
            entry.state = .done
            entry.result = try stored(value, of: step)
            record(entry, isWritten: false)
            return value
        }
    }

    private func awaitSignal(_ step: String, _ name: String, timeout: Duration?) async throws -> JournalEntry {
        let visit = try enter(step, .signal, inputHash: try hash(name, of: step))
        defer { leave() }
        let entry: JournalEntry
        let isNew: Bool
        switch visit {
        case .finished(let known): return known
        case .open(let known): (entry, isNew) = (known, false)
        case .new(let seq):
            (entry, isNew) = (blank(seq, step, kind: .signal, inputHash: try hash(name, of: step)), true)
        }
        if isRefusing { let _: NoValue = try refuse(entry, .byOperator, as: NoValue.self) }
        let knownDue = try isNew ? nil : due(entry)
        let run = run
        let lease = tools.limits.lease
        let (known, wakeAt) = try await journalOnly("workflow.signal") {
            (tx: borrowing SQLTransaction, turn: JournalTurn) -> (JournalEntry, Timestamp?) in
            if turn.isRepeat, let known = try WorkflowStore.entry(entry.seq, of: run.id, in: tx), known.state == .done {
                try WorkflowStore.apply(.progressed(leaseUntil: turn.date + lease), to: run, at: turn.date, in: tx)
                return (known, nil)
            }
            var entry = entry
            let due = isNew ? timeout.map { turn.date + $0 } : knownDue
            if isNew {
                entry.at = turn.date
                entry.result = due.map { "\($0.microseconds)" }
            }
            let payload = try WorkflowStore.consumeSignal(name, of: run.id, for: entry.seq, in: tx)
            if let payload {
                entry.state = .done
                entry.result = payload
            } else if let due, due <= turn.date {
                entry.state = .done
                entry.result = "null"
            }
            try WorkflowStore.put(entry, of: run.id, in: tx)
            let change: RunChange =
                entry.state == .done
                ? .progressed(leaseUntil: turn.date + lease)
                : .suspended(until: due, waitingFor: name, attempts: Attempts())
            try WorkflowStore.apply(change, to: run, at: turn.date, in: tx)
            return (entry, due)
        }
        record(known, isWritten: true)
        if crashPoint("workflow.journaled") { throw end(.killed) }
        guard known.state == .done else { throw end(.suspended(until: wakeAt)) }
        return known
    }

    /// When the open entry of a timer or a signal is due; `nil` for a signal without a timeout.
    private func due(_ entry: JournalEntry) throws -> Timestamp? {
        guard let text = entry.result else { return nil }
        guard let microseconds = Int64(text) else { throw end(.parked(reason: unreadableDue(entry.step))) }
        return Timestamp(microseconds: microseconds)
    }

    private func unreadableDue(_ step: String) -> String { "mismatch: the due time of step \(step) cannot be read" }

    /// Writes `entry` as begun and releases the run until it is due.
    private func begin(_ entry: JournalEntry, for timeout: Duration) async throws -> WorkflowInterrupted {
        let run = run
        let (known, until) = try await journalOnly("workflow.timer") {
            (tx: borrowing SQLTransaction, turn: JournalTurn) -> (JournalEntry, Timestamp) in
            let until = turn.date + timeout
            var entry = entry
            entry.at = turn.date
            entry.result = "\(until.microseconds)"
            try WorkflowStore.put(entry, of: run.id, in: tx)
            try WorkflowStore.apply(
                .suspended(until: until, waitingFor: nil, attempts: Attempts()),
                to: run,
                at: turn.date,
                in: tx
            )
            return (entry, until)
        }
        record(known, isWritten: true)
        if crashPoint("workflow.journaled") { throw end(.killed) }
        return end(.suspended(until: until))
    }

    /// Releases the run again until its timer is due.
    private func suspend(until: Timestamp) async throws -> WorkflowInterrupted {
        let run = run
        try await journalOnly("workflow.suspend") { (tx: borrowing SQLTransaction, turn: JournalTurn) in
            try WorkflowStore.apply(
                .suspended(until: until, waitingFor: nil, attempts: Attempts()),
                to: run,
                at: turn.date,
                in: tx
            )
        }
        return end(.suspended(until: until))
    }
}
