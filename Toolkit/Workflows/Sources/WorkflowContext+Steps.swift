import MartletCore
public import MartletSQL
import Synchronization

extension WorkflowContext {
    /// A step in the service's own database: effect and journal entry are one transaction.
    ///
    /// - Parameters:
    ///   - step: The step's name, unique in the run, and stored: never renamed.
    ///   - input: What the body depends on, by ids; a replay with another input parks the run.
    ///   - body: As for any transaction. A fault whose outcome is `refused` refuses the step; `notDone` and database
    ///     failures are retried; any other error parks the run.
    /// - Throws: ``StepRefused``.
    @discardableResult
    public func local<R: Codable & Sendable, I: Encodable & Sendable>(
        _ step: String,
        input: I = NoValue(),
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let inputHash = try hash(input, of: step)
        let visit = try enter(step, .local, inputHash: inputHash)
        defer { leave() }
        let entry: JournalEntry
        switch visit {
        case .finished(let known): return try replayed(known, as: R.self)
        case .open(let known): entry = known
        case .new(let seq): entry = blank(seq, step, kind: .local, inputHash: inputHash)
        }
        if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
        let result = try await runAttempts(entry, lookUp: nil) { _ in try await self.commit(entry, body) }
        switch result {
        case .done(let value): return value
        case .refused(let refusal): return try refuse(entry, refusal, as: R.self)
        }
    }

    /// A local step that returns nothing.
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
                return (try self.replayed(known, as: R.self), known)
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
        if crashPoint("workflow.journaled") { throw end(.killed) }
        return result
    }

    /// A step in another service: every attempt has the same key.
    ///
    /// The key is durable before the call; for a callee that deduplicates by identity at the latest before the second
    /// attempt and before any other step.
    ///
    /// ```swift
    /// func shorten(_ url: String, by links: LinksClient, _ context: WorkflowContext) async throws -> String {
    ///     try await context.remote("shorten", input: url) { step in
    ///         try await links.shorten(.with { $0.url = url }, context: step.context).code
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - step: The step's name, unique in the run, and stored: never renamed.
    ///   - input: What the call is made from, by ids; a replay with another input parks the run.
    ///   - deduplicated: How the callee deduplicates repeats.
    ///   - effect: In the service's own database, once: commits with the key, before the first call. If it refuses,
    ///     the step is refused and not called.
    ///   - undo: The compensation. Must be safe before, after or without the step, and idempotent.
    ///   - resolve: Looks up the call's outcome, for a callee that expires keys or replays stored failures.
    ///   - call: Makes the same request in every attempt, with `call.context`, and does not retry by itself. A fault
    ///     whose outcome is `refused` refuses the step, except `unauthenticated`: that is the caller's own failure,
    ///     and is retried.
    /// - Throws: ``StepRefused``.
    @discardableResult
    public func remote<R: Codable & Sendable>(
        _ step: String,
        input: some Encodable & Sendable,
        deduplicated: StepDeduplication = .byKey,
        with effect: LocalEffect? = nil,
        undo: (@Sendable (StepCall) async throws -> Void)? = nil,
        resolve: (@Sendable (StepCall) async throws -> StepResolution<R>)? = nil,
        _ call: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        let inputHash = try hash(input, of: step)
        let visit = try enter(step, .remote, inputHash: inputHash)
        defer { leave() }
        if let undo {
            execution.withLock { $0.register(Undo(step: step, inputHash: inputHash, body: undo)) }
        }
        return try await perform(
            step,
            .remote,
            inputHash: inputHash,
            visit: visit,
            deduplicated: deduplicated,
            effect: effect,
            lookUp: resolve,
            call: call
        )
    }

    /// A remote step that returns nothing.
    public func remote(
        _ step: String,
        input: some Encodable & Sendable,
        deduplicated: StepDeduplication = .byKey,
        with effect: LocalEffect? = nil,
        undo: (@Sendable (StepCall) async throws -> Void)? = nil,
        _ call: @escaping @Sendable (StepCall) async throws -> Void
    ) async throws {
        let _: NoValue = try await remote(
            step,
            input: input,
            deduplicated: deduplicated,
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
    /// A refused undo parks the run: the step is not undone.
    public func compensate() async throws {
        while let undo = execution.withLock({ $0.nextUndo() }) {
            let step = "undo.\(undo.step)"
            let visit = try enter(step, .undo, inputHash: undo.inputHash)
            defer { leave() }
            let _: NoValue = try await perform(
                step,
                .undo,
                inputHash: undo.inputHash,
                visit: visit,
                deduplicated: .byIdentity,
                effect: nil,
                lookUp: nil
            ) { call in
                try await undo.body(call)
                return NoValue()
            }
        }
    }

    /// Adds an effect in the service's own database to the transaction that completes the run.
    ///
    /// Use it for the last effect of a run: it is not a step and cannot be refused. After a fault whose outcome is not
    /// `refused` the completion is retried after a delay, up to `attemptsLimit`; any other error parks the run.
    public func atCompletion(_ effect: @escaping LocalEffect) { execution.withLock { $0.complete(with: effect) } }

    /// Journals the intent together with `effect`, which may refuse the step.
    private func begin(_ entry: JournalEntry, with effect: @escaping LocalEffect) async throws -> StoredRefusal? {
        // Until the key is durable nothing is in flight: this counts as a local step.
        var local = entry
        local.kind = .local
        let result = try await runAttempts(local, lookUp: nil) { _ in
            try await self.intend(entry, with: effect)
            return NoValue()
        }
        guard case .refused(let refusal) = result else { return nil }
        return refusal
    }

    private func perform<R: Codable & Sendable>(
        _ step: String,
        _ kind: JournalEntry.Kind,
        inputHash: String,
        visit: Journal.Visit,
        deduplicated memory: StepDeduplication,
        effect: LocalEffect?,
        lookUp: LookUp<R>?,
        call: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        var entry: JournalEntry
        switch visit {
        case .finished(let known): return try replayed(known, as: R.self)
        case .open(let known):
            entry = known
            if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
        case .new(let seq):
            entry = blank(seq, step, kind: kind, inputHash: inputHash)
            if isRefusing { return try refuse(entry, .byOperator, as: R.self) }
            if let effect {
                if let refusal = try await begin(entry, with: effect) { return try refuse(entry, refusal, as: R.self) }
            } else if kind == .remote, memory == .byIdentity, isAllWritten {
                // A replay certainly comes here again and makes the same call, which its callee recognises: the intent
                // is written with the result, or before a second attempt.
                record(entry, isWritten: false)
            } else {
                try await intend(entry)
            }
        }
        let marked: @Sendable (StepCall) async throws -> R = { step in
            let result = try await call(step)
            if crashPoint("workflow.called") { throw self.end(.killed) }
            return result
        }
        let result = try await runAttempts(entry, deduplicated: memory, lookUp: lookUp, marked)
        let seq = entry.seq
        entry.generation = execution.withLock { $0.journal.entries[seq].generation }
        switch result {
        case .done(let value):
            entry.state = .done
            entry.result = try stored(value, of: step)
            record(entry, isWritten: false)
            return value
        case .refused(let refusal) where kind == .undo:
            throw end(.parked(reason: "step \(step) was refused: \(refusal.reason)"))
        case .refused(let refusal):
            return try refuse(entry, refusal, as: R.self)
        }
    }
}
