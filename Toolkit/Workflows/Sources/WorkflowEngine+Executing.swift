import Logging
import MartletCore
import MartletSQL
import Synchronization

extension WorkflowEngine {
    /// Runs the function once, to its end or to where it has to stop, and writes what became of it.
    func execute(_ run: ClaimedRun) async {
        let trace = run.trace?.child(tools.entropy)
        let due: Moment? = await TraceContext.$current.withValue(trace) {
            tools.observe(WorkflowEvent(run, .claimed))
            let context = WorkflowContext(run, tools)
            await context.settle(await settlement(of: run, context))
            switch context.execution.withLock({ $0.ending }) {
            case .suspended(.some(let until)): return time.now + (until - time.date)
            case .interrupted:
                // Nobody else may go on with it, so it need not wait until its lease has ended.
                let now = time.now
                state.withLock { $0.interrupted(run, at: now, pause: errorPause, longest: limits.lease / 3) }
                return nil
            default: return nil
            }
        }
        let bells = state.withLock { $0.ended(run, dueAt: due) }
        for watcher in bells { watcher.raise() }
        bell.raise()
    }

    private func function(_ run: ClaimedRun) throws -> @Sendable (String, WorkflowContext) async throws -> String {
        // The claim asks only for what is registered.
        guard let workflow = state.withLock({ $0.workflows[run.key] }) else {
            throw WorkflowNotRegistered(key: run.key)
        }
        return workflow.run
    }

    /// Runs the function, and the compensation when an operator demands it and the function did not see to it.
    private func settlement(of run: ClaimedRun, _ context: WorkflowContext) async -> Settlement {
        guard run.attempts.failures < limits.attemptsLimit else {
            return .needsHuman(reason: "\(run.attempts.failures) executions ended without any progress")
        }
        var result: Result<String, any Error>
        do { result = .success(try await function(run)(run.input, context)) } catch { result = .failure(error) }
        if context.execution.withLock({ $0.owesCompensation && $0.ending == nil }) {
            switch result {
            case .failure(let error as any FaultConvertible) where error.fault.outcome == .refused: break
            // It answers as if it stood, and nothing of it does any more.
            case .success: result = .failure(StoredRefusal.byOperator.fault)
            case .failure: return context.settlement(of: result)
            }
            // What stops it has become the execution's ending, at which the settlement looks.
            try? await context.compensate()
        }
        return context.settlement(of: result)
    }
}

/// What is to be written about an execution that is over.
enum Settlement: Sendable {
    case completed(output: String)
    case failed(WorkflowFailure)
    case needsHuman(reason: String)
    /// Given back as it is, to be claimed again after a pause.
    case released(after: Duration)
    /// Written already, or nothing may be written.
    case nothing
}

extension WorkflowContext {
    func settlement(of result: Result<String, any Error>) -> Settlement {
        let (ending, leftover) = execution.withLock { ($0.ending, $0.journal.leftover) }
        switch ending {
        case .suspended, .killed, .interrupted: return .nothing
        case .leaseLost:
            Logger.current.info("workflow lease lost", metadata: ["workflow.run": "\(run.id)"])
            return .nothing
        case .parked(let reason): return .needsHuman(reason: reason)
        case .cancelled: return .released(after: .zero)
        case nil: break
        }
        if case .failure = result, Task.isCancelled { return .released(after: .zero) }
        if let leftover {
            return .needsHuman(reason: "mismatch: the run ended before step \(leftover.seq), \(leftover.step)")
        }
        switch result {
        case .success(let output) where output.utf8.count > tools.limits.bytesMax:
            return .needsHuman(reason: "the output is longer than \(tools.limits.bytesMax) bytes")
        case .success(let output): return .completed(output: output)
        case .failure(let error as any FaultConvertible) where error.fault.outcome == .refused:
            return .failed(WorkflowFailure(error))
        case .failure(let error):
            Logger.current.error("workflow threw", error: error, metadata: ["workflow.run": "\(run.id)"])
            return .needsHuman(reason: "the workflow threw \(type(of: error))")
        }
    }

    /// Writes the settlement with what the journal still owes.
    ///
    /// What cannot be written happens again when the database is back.
    func settle(_ settlement: Settlement) async {
        do {
            switch settlement {
            case .nothing:
                if case .interrupted(let error) = execution.withLock({ $0.ending }) {
                    Logger.current.warning(
                        "workflow interrupted, goes on when the database is back",
                        error: error,
                        metadata: ["workflow.run": "\(run.id)"]
                    )
                }
            case .completed(let output):
                do { try await complete(output) } catch  where !(error is WorkflowInterrupted) {
                    return await settle(self.settlement(ofCompletion: error))
                }
                crashPoint("workflow.completed")
                tools.observe(WorkflowEvent(run, .completed))
            case .failed(let failure):
                let error = try StoredJSON.text(failure)
                try await write { _ in .failed(error: error) }
                crashPoint("workflow.completed")
                tools.observe(WorkflowEvent(run, .failed(reason: failure.reason)))
            case .needsHuman(let reason):
                try await write { _ in .needsHuman(error: reason) }
                Logger.current.error(
                    "workflow parked, needs a human",
                    metadata: [
                        "workflow": "\(run.workflow)", "workflow.run": "\(run.id)", "workflow.reason": "\(reason)",
                    ]
                )
                tools.observe(WorkflowEvent(run, .needsHuman(reason: reason)))
            case .released(let pause):
                let attempts = execution.withLock { $0.attempts }
                try await write { .suspended(until: $0 + pause, waitingFor: nil, attempts: attempts) }
                execution.withLock { $0.end(.suspended(until: tools.time.date + pause)) }
            }
        } catch {
            Logger.current.warning(
                "workflow outcome not written, goes on when the database is back",
                error: error,
                metadata: ["workflow.run": "\(run.id)"]
            )
        }
    }

    /// What becomes of a run whose completion threw: it is tried again when that may help.
    private func settlement(ofCompletion error: any Error) -> Settlement {
        Logger.current.error(
            "workflow completion threw",
            error: error,
            metadata: ["workflow.run": "\(run.id)", "workflow": "\(run.workflow)"]
        )
        let needsHuman = Settlement.needsHuman(reason: "the completion threw \(type(of: error))")
        guard !(error is SQLError), let fault = (error as? any FaultConvertible)?.fault, fault.outcome != .refused
        else {
            return needsHuman
        }
        var attempts = execution.withLock { $0.attempts }
        let next = attempts.failed(
            fault.outcome,
            retryAfter: fault.retryAfter,
            tools.limits,
            fraction: tools.entropy.fraction()
        )
        let counted = attempts
        execution.withLock { $0.attempts = counted }
        guard case .pause(let pause) = next else { return needsHuman }
        return .released(after: pause)
    }

    private func complete(_ output: String) async throws {
        let run = run
        let effects = execution.withLock { $0.completion }
        try await journalTransaction("workflow.settle") { (tx: borrowing SQLTransaction, turn: JournalTurn) in
            try WorkflowStore.apply(.completed(output: output), to: run, at: turn.date, in: tx)
            for effect in effects { try effect(tx) }
        }
    }

    private func write(_ change: @escaping @Sendable (Timestamp) -> RunChange) async throws {
        let run = run
        try await journalTransaction("workflow.settle") { (tx: borrowing SQLTransaction, turn: JournalTurn) in
            try WorkflowStore.apply(change(turn.date), to: run, at: turn.date, in: tx)
        }
    }
}
