import MartletCore
public import MartletSQL
import Synchronization

extension WorkflowContext {
    /// A step in the service's own database: effect and journal entry are one transaction.
    ///
    /// - Parameters:
    ///   - input: What the body depends on, by ids; a replay with another input parks the run.
    ///   - body: As for any transaction. A fault whose outcome is `refused` refuses the step; `notDone` and database trouble are
    ///     retried; any other error parks the run.
    /// - Throws: ``StepRefused``.
    @discardableResult
    public func local<R: Codable & Sendable, I: Encodable & Sendable>(
        _ step: String,
        input: I = NoValue(),
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let inputHash = try hash(input, of: step)
        let visit = try enter(step, .local, inputHash)
        defer { leave() }
        let entry: JournalEntry
        switch visit {
        case .answered(let known): return try answer(known, as: R.self)
        case .open(let known): entry = known
        case .new(let seq): entry = blank(seq, step, .local, inputHash)
        }
        if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
        let answer = try await ask(entry, lookUp: nil) { _ in try await self.commit(entry, body) }
        switch answer {
        case .done(let result): return result
        case .refused(let refusal): return try refuse(entry, refusal, as: R.self)
        }
    }

    /// A local step that answers nothing.
    public func local<I: Encodable & Sendable>(
        _ step: String,
        input: I = NoValue(),
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Void
    ) async throws {
        let _: NoValue = try await local(step, input: input) { (tx: borrowing SQLTransaction) in
            try body(tx)
            return NoValue()
        }
    }

    private func commit<R: Codable & Sendable>(
        _ entry: JournalEntry,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let run = run
        let lease = tools.limits.lease
        let (result, written) = try await journalTransaction("workflow.local") {
            (tx: borrowing SQLTransaction, turn: JournalTurn) -> (R, JournalEntry) in
            try WorkflowStore.apply(.progressed(leaseUntil: turn.date + lease), to: run, at: turn.date, in: tx)
            if turn.isRepeat, let known = try WorkflowStore.entry(entry.seq, of: run.id, in: tx) {
                return (try self.answer(known, as: R.self), known)
            }
            let result = try BodyThrew.around { try body(tx) }
            var done = entry
            done.state = .done
            done.result = try self.stored(result, of: entry.step)
            done.at = turn.date
            try WorkflowStore.put(done, of: run.id, in: tx)
            return (result, done)
        }
        record(written, isWritten: true)
        crashPoint("workflow.journaled")
        try reached("workflow.journaled")
        return result
    }

    /// A step in another service: its key is durable before the call, and every attempt carries the same one.
    ///
    /// - Parameters:
    ///   - input: What the call is made from, by ids; a replay with another input parks the run.
    ///   - remembered: For how long the callee knows a repeat for one.
    ///   - effect: In the service's own database, once: commits with the key, before the first call. When it refuses, the step is
    ///     refused and not called.
    ///   - undo: The compensation. Safe before, after or without the step, and in every repeat.
    ///   - resolve: Looks up what became of the call, where the callee forgets keys or replays stored failures.
    ///   - call: Makes the same request in every attempt, with `call.context`, and does not retry by itself. A fault whose outcome
    ///     is `refused` refuses the step, but for `unauthenticated`: that is the caller's own trouble, and is tried again.
    /// - Throws: ``StepRefused``.
    @discardableResult
    public func remote<R: Codable & Sendable>(
        _ step: String,
        input: some Encodable & Sendable,
        remembered: StepMemory = .byKey,
        with effect: LocalEffect? = nil,
        undo: (@Sendable (StepCall) async throws -> Void)? = nil,
        resolve: (@Sendable (StepCall) async throws -> StepResolution<R>)? = nil,
        _ call: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        let inputHash = try hash(input, of: step)
        let visit = try enter(step, .remote, inputHash)
        defer { leave() }
        if let undo {
            execution.withLock { $0.register(Undo(step: step, inputHash: inputHash, body: undo)) }
        }
        return try await perform(step, .remote, inputHash, visit, remembered, effect, resolve, call)
    }

    /// A remote step that answers nothing.
    public func remote(
        _ step: String,
        input: some Encodable & Sendable,
        remembered: StepMemory = .byKey,
        with effect: LocalEffect? = nil,
        undo: (@Sendable (StepCall) async throws -> Void)? = nil,
        _ call: @escaping @Sendable (StepCall) async throws -> Void
    ) async throws {
        let _: NoValue = try await remote(
            step,
            input: input,
            remembered: remembered,
            with: effect,
            undo: undo,
            resolve: nil
        ) { step in
            try await call(step)
            return NoValue()
        }
    }

    /// Runs the registered undos, newest first, each as a journaled step `undo.<step>`.
    ///
    /// A repeat does nothing.
    ///
    /// A refused undo parks the run: what was to be undone still stands.
    public func compensate() async throws {
        while let undo = execution.withLock({ $0.nextUndo() }) {
            let step = "undo.\(undo.step)"
            let visit = try enter(step, .undo, undo.inputHash)
            defer { leave() }
            let _: NoValue = try await perform(step, .undo, undo.inputHash, visit, .forever, nil, nil) { call in
                try await undo.body(call)
                return NoValue()
            }
        }
    }

    /// Does something in the service's own database in the transaction that completes the run, and only then.
    ///
    /// The last thing that a run does is best done so: it is no step, and cannot be refused. A fault that may pass, as
    /// `notDone`, has the run end once more after a pause, up to `attemptsLimit`; whatever else it throws parks the run.
    public func atCompletion(_ effect: @escaping LocalEffect) { execution.withLock { $0.complete(with: effect) } }

    /// Journals the intent together with `effect`, which may refuse the step.
    private func begin(_ entry: JournalEntry, with effect: @escaping LocalEffect) async throws -> StoredRefusal? {
        // Until the key is durable this is a local matter: nothing is out that could be come back to.
        var local = entry
        local.kind = .local
        let answer = try await ask(local, lookUp: nil) { _ in
            try await self.intend(entry, with: effect)
            return NoValue()
        }
        guard case .refused(let refusal) = answer else { return nil }
        return refusal
    }

    private func perform<R: Codable & Sendable>(
        _ step: String,
        _ kind: JournalEntry.Kind,
        _ inputHash: String,
        _ visit: Journal.Visit,
        _ memory: StepMemory,
        _ effect: LocalEffect?,
        _ lookUp: LookUp<R>?,
        _ call: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        var entry: JournalEntry
        switch visit {
        case .answered(let known): return try answer(known, as: R.self)
        case .open(let known):
            entry = known
            if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
        case .new(let seq):
            entry = blank(seq, step, kind, inputHash)
            if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
            if let effect {
                if let refusal = try await begin(entry, with: effect) { return try refuse(entry, refusal, as: R.self) }
            } else {
                try await intend(entry)
            }
        }
        let marked: @Sendable (StepCall) async throws -> R = { step in
            let result = try await call(step)
            crashPoint("workflow.called")
            try self.reached("workflow.called")
            return result
        }
        let answer = try await ask(entry, remembered: memory, lookUp: lookUp, marked)
        let seq = entry.seq
        entry.generation = execution.withLock { $0.journal.entries[seq].generation }
        switch answer {
        case .done(let result):
            entry.state = .done
            entry.result = try stored(result, of: step)
            record(entry, isWritten: false)
            return result
        case .refused(let refusal) where kind == .undo:
            throw end(.parked(reason: "step \(step) was refused: \(refusal.reason)"))
        case .refused(let refusal):
            return try refuse(entry, refusal, as: R.self)
        }
    }
}
