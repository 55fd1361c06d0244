import Logging
import MartletCore
import MartletSQL
import MartletTelemetry
import Synchronization

/// The result of a step's attempts.
enum StepResult<R: Sendable>: Sendable {
    case done(R)
    case refused(StoredRefusal)
}

/// Looks up the outcome of earlier attempts.
typealias LookUp<R: Sendable> = @Sendable (StepCall) async throws -> StepResolution<R>

/// A local body threw something that is not a refusal: a bug that no retry fixes.
struct BodyThrew: Error {
    let error: any Error

    /// Runs a local body, and wraps errors that are neither the database's nor faults.
    static func around<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as SQLError {
            throw error
        } catch let error as any FaultConvertible {
            throw error
        } catch {
            throw BodyThrew(error: error)
        }
    }
}

extension WorkflowContext {
    /// Repeats `attempt` until it is done or refused; parks the run at a limit.
    func runAttempts<R: Sendable>(
        _ entry: JournalEntry,
        deduplicated: StepDeduplication = .byKey,
        lookUp: LookUp<R>?,
        _ attempt: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> StepResult<R> {
        let result = try await repeated(entry, deduplicated: deduplicated, lookUp: lookUp, attempt)
        if execution.withLock({ $0.setStalled(false) }) { stall(false) }
        return result
    }

    private func repeated<R: Sendable>(
        _ entry: JournalEntry,
        deduplicated: StepDeduplication,
        lookUp: LookUp<R>?,
        _ attempt: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> StepResult<R> {
        var entry = entry
        var attempts = execution.withLock { $0.attempts }
        var isLookUp = try isTooOld(entry, deduplicated, hasLookUp: lookUp != nil)
        while true {
            let failure: Fault
            do {
                guard isLookUp, let lookUp else {
                    return .done(try await bounded(entry, deduplicated: deduplicated, attempt))
                }
                switch try await bounded(entry, deduplicated: deduplicated, lookUp) {
                case .done(let result): return .done(result)
                case .refused(let fault): return .refused(StoredRefusal(fault))
                case .notDone:
                    entry.generation += 1
                    try await intend(entry)
                    attempts = Attempts()
                    isLookUp = false
                    continue
                case .unknown:
                    failure = Fault(.unknown, .outcomeUnknown, "the look-up found no outcome")
                }
            } catch let error as WorkflowInterrupted {
                throw error
            } catch let threw as BodyThrew {
                throw parked(by: threw.error, entry)
            } catch let error as SQLError where entry.kind == .local {
                // Only constraint violations and invalid statements get here: no retry fixes them.
                throw parked(by: error, entry)
            } catch {
                if Task.isCancelled { throw end(.cancelled) }
                failure = Fault(describing: error)
                // A refused look-up does not refuse the step. Neither does a rejected token, as after clock skew or a
                // key rotation: the callee has not processed the request.
                let isProcessed = failure.code != .unauthenticated || entry.kind == .local
                if failure.outcome == .refused, isProcessed, !isLookUp { return .refused(StoredRefusal(failure)) }
            }
            try await backOff(after: failure, &attempts, entry)
            isLookUp = lookUp != nil && (isLookUp || attempts.isLookUpDue(tools.limits))
        }
    }

    private func parked(by error: any Error, _ entry: JournalEntry) -> WorkflowInterrupted {
        Logger.current.error(
            "workflow step threw",
            error: error,
            metadata: ["workflow.run": "\(run.id)", "workflow.step": "\(entry.step)"]
        )
        return end(.parked(reason: "step \(entry.step) threw \(type(of: error))"))
    }

    /// One attempt with its own deadline and span.
    private func bounded<R: Sendable>(
        _ entry: JournalEntry,
        deduplicated memory: StepDeduplication,
        _ attempt: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        let (call, scope) = call(for: entry, deduplicated: memory)
        guard let scope, let span = scope.span else { return try await limited(call, of: entry, attempt) }
        span.set(.workflow, run.workflow)
        span.set(.workflowRun, run.id)
        span.set(.workflowStep, entry.step)
        return try await scope.finish { try await limited(call, of: entry, attempt) }
    }

    private func limited<R: Sendable>(
        _ call: StepCall,
        of entry: JournalEntry,
        _ attempt: @escaping @Sendable (StepCall) async throws -> R
    ) async throws -> R {
        // The database limits a local step by itself: its transaction is never abandoned halfway.
        guard entry.kind != .local else { return try await attempt(call) }
        return try await withDeadline(call.context.deadline, tools.runtime.time) { try await attempt(call) }
    }

    /// The argument of an attempt, and its place in the run's trace.
    private func call(for entry: JournalEntry, deduplicated memory: StepDeduplication) -> (StepCall, SpanScope?) {
        let generation = entry.generation == 0 ? "" : "~\(entry.generation)"
        let key = "\(run.id)/\(entry.step)\(generation)"
        let scope = run.trace.map { trace in
            ServiceTracer.begin(.internal, after: trace, tools.runtime.entropy, name: "step \(entry.step)")
        }
        var context = CallContext(
            deadline: tools.runtime.time.now + tools.limits.attemptTimeout,
            principal: Principal(service: ExactText(tools.service), for: run.party),
            // A callee that knows the request's id stores no response for it: see decision 0049.
            idempotencyKey: memory == .byIdentity && entry.kind == .remote ? nil : key,
            trace: scope?.trace
        )
        // The step retries by itself: a second layer of retries would multiply the load on a failing peer.
        context.mayRetry = false
        return (StepCall(key: key, context: context), scope)
    }

    /// True when the callee may have expired the key, so that only a look-up is safe.
    ///
    /// An undo is safe at any time.
    private func isTooOld(_ entry: JournalEntry, _ memory: StepDeduplication, hasLookUp: Bool) throws -> Bool {
        guard entry.kind == .remote, memory == .byKey, run.date - entry.at >= tools.limits.keyLifetime else {
            return false
        }
        guard hasLookUp else {
            throw end(.parked(reason: "step \(entry.step): its key is too old for another attempt"))
        }
        return true
    }

    private func backOff(after failure: Fault, _ attempts: inout Attempts, _ entry: JournalEntry) async throws {
        let next = attempts.failed(
            failure.outcome,
            retryAfter: failure.retryAfter,
            tools.limits,
            fraction: tools.runtime.entropy.fraction()
        )
        let counted = attempts
        execution.withLock { $0.attempts = counted }
        switch next {
        case .park:
            let reason =
                "step \(entry.step): \(attempts.failures) attempts, \(attempts.unknowns) of unknown outcome, "
                + "the last: \(failure.reason)"
            throw end(.parked(reason: reason))
        case .delay(let delay):
            // A callee that refuses for its load does respond.
            if failure.code.outcome != .notDone, execution.withLock({ $0.setStalled(true) }) { stall(true) }
            Logger.current.debug(
                "workflow step failed, will retry",
                error: failure.cause ?? failure,
                metadata: [
                    "workflow.run": "\(run.id)", "workflow.step": "\(entry.step)", "attempt": "\(attempts.failures)",
                    "reason": "\(failure.reason)", "retry.in": "\(delay)",
                ]
            )
            tools.observe(WorkflowEvent(run, .stepRetried(entry.step)))
            // A local step has no intent in the journal to resume from: it keeps its slot.
            if delay >= tools.limits.releasingDelayMin, entry.kind != .local {
                throw try await suspend(for: delay, attempts: attempts)
            }
            // From here on an operator sees at which step the run is.
            try await intendIfUnwritten(entry)
            try await wait(for: delay)
        }
    }
}
