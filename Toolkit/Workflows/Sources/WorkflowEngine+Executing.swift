import Logging
import MartletCore
import MartletSQL
import MartletTelemetry
import Synchronization

extension WorkflowEngine {
    /// Runs the function until it ends or is interrupted, and writes the outcome.
    func execute(_ run: ClaimedRun) async {
        guard let trace = run.trace else {
            let due = await TraceContext.$current.withValue(nil) { await executed(run, nil) }
            return ended(run, dueAt: due)
        }
        let scope = ServiceTracer.begin(
            .internal,
            after: trace,
            tools.runtime.entropy,
            name: "run \(run.workflow)"
        )
        scope.span?.set(.workflow, run.workflow)
        scope.span?.set(.workflowRun, run.id)
        var traced = run
        if scope.span != nil { traced.trace = scope.trace }
        let due = await scope.run { await executed(traced, scope.span) }
        scope.span?.end(nil)
        ended(run, dueAt: due)
    }

    /// - Returns: When a suspended run is due again.
    private func executed(_ run: ClaimedRun, _ span: ServiceSpan?) async -> Moment? {
        tools.observe(WorkflowEvent(run, .claimed))
        let context = WorkflowContext(run, tools) { [self] isStalled in stall(run, isStalled) }
        let outcome = await runOutcome(of: run, context)
        if case .needsHuman = outcome { span?.fail("workflow.needs_human") }
        await context.finish(outcome)
        switch context.execution.withLock({ $0.ending }) {
        case .suspended(.some(let until)): return time.now + (until - time.date)
        case .interrupted:
            // This engine still owns the run, which need not wait for the end of its lease.
            let now = time.now
            state.withLock { $0.interrupted(run, at: now, delay: errorDelay, longest: limits.lease / 3) }
            return nil
        default: return nil
        }
    }

    private func ended(_ run: ClaimedRun, dueAt due: Moment?) {
        let now = time.now
        let signals = state.withLock { $0.ended(run, at: now, dueAt: due) }
        for signal in signals { signal.raise() }
        wakeUp.raise()
    }

    private func function(_ run: ClaimedRun) throws -> @Sendable (String, WorkflowContext) async throws -> String {
        // A claim contains registered workflows only.
        guard let workflow = state.withLock({ $0.workflows[run.key] }) else {
            throw WorkflowNotRegistered(key: run.key)
        }
        return workflow.run
    }

    /// Runs the function, then the compensation if an operator demands it and the function did not compensate.
    private func runOutcome(of run: ClaimedRun, _ context: WorkflowContext) async -> RunOutcome {
        guard run.attempts.failures < limits.attemptsLimit else {
            return .needsHuman(reason: "\(run.attempts.failures) executions ended without any progress")
        }
        if let unreadable = run.unreadable { return .needsHuman(reason: unreadable) }
        var result: Result<String, any Error>
        do { result = .success(try await function(run)(run.input, context)) } catch { result = .failure(error) }
        if context.execution.withLock({ $0.owesCompensation && $0.ending == nil }) {
            switch result {
            case .failure(let error as any FaultConvertible) where error.fault.outcome == .refused: break
            // It returned a result, but its steps are being undone.
            case .success: result = .failure(StoredRefusal.byOperator.fault)
            case .failure: return context.runOutcome(of: result)
            }
            // An error here has set the execution's ending, which determines the outcome.
            try? await context.compensate()
        }
        return context.runOutcome(of: result)
    }
}

/// The outcome of an execution, to be written to its run.
enum RunOutcome: Sendable {
    case completed(output: String)
    case failed(WorkflowFailure)
    case needsHuman(reason: String)
    /// Released unchanged, to be claimed again after a delay.
    case released(after: Duration)
    /// Written already, or nothing may be written.
    case nothing
}

extension WorkflowContext {
    func runOutcome(of result: Result<String, any Error>) -> RunOutcome {
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

    /// Writes the outcome with the unwritten journal entries.
    ///
    /// If the write fails, the run is executed again when the database is available.
    func finish(_ outcome: RunOutcome) async {
        do {
            switch outcome {
            case .nothing:
                if case .interrupted(let error) = execution.withLock({ $0.ending }) {
                    Logger.current.warning(
                        "workflow interrupted, will resume when the database is available",
                        error: error,
                        metadata: ["workflow.run": "\(run.id)"]
                    )
                }
            case .completed(let output):
                do { try await complete(output) } catch  where !(error is WorkflowInterrupted) {
                    return await finish(runOutcome(ofCompletion: error))
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
            case .released(let delay):
                let attempts = execution.withLock { $0.attempts }
                try await write { .suspended(until: $0 + delay, waitingFor: nil, attempts: attempts) }
                execution.withLock { $0.end(.suspended(until: tools.runtime.time.date + delay)) }
            }
        } catch {
            Logger.current.warning(
                "workflow outcome not written, will retry when the database is available",
                error: error,
                metadata: ["workflow.run": "\(run.id)"]
            )
        }
    }

    /// The outcome of a run whose completion threw: it is retried if that may help.
    private func runOutcome(ofCompletion error: any Error) -> RunOutcome {
        Logger.current.error(
            "workflow completion threw",
            error: error,
            metadata: ["workflow.run": "\(run.id)", "workflow": "\(run.workflow)"]
        )
        let needsHuman = RunOutcome.needsHuman(reason: "the completion threw \(type(of: error))")
        guard !(error is SQLError), let fault = (error as? any FaultConvertible)?.fault, fault.outcome != .refused
        else {
            return needsHuman
        }
        var attempts = execution.withLock { $0.attempts }
        let next = attempts.failed(
            fault.outcome,
            retryAfter: fault.retryAfter,
            tools.limits,
            fraction: tools.runtime.entropy.fraction()
        )
        let counted = attempts
        execution.withLock { $0.attempts = counted }
        guard case .delay(let delay) = next else { return needsHuman }
        return .released(after: delay)
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
