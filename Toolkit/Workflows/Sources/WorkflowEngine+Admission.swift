public import MartletCore
import Synchronization

extension WorkflowEngine {
    /// Runs `body`, which may start a run, when there is room for the run.
    ///
    /// Use it for callers that can retry, so that accepted work ends soon under any load: runs are admitted at the rate
    /// at which they end. Runs that follow from accepted work are started without it. While there is no room the request
    /// waits, without a transaction: at most `admissionWaitMax`, and half of the time that its caller has left. Callers
    /// take turns. Never call it in a transaction.
    ///
    /// While half of the slots wait for callees that do not respond, and while the engine's loop does not run, a run may
    /// only have to be stored: there is room until `waitingLimit` runs are due, and no request waits.
    ///
    /// - Throws: ``WorkflowsFull`` without running `body`; `CancellationError`; otherwise what `body` throws.
    public func admit<R: Sendable>(_ context: CallContext, _ body: () async throws -> R) async throws -> R {
        try await enter(context)
        defer { admitWaiting { $0.admission.end() } }
        return try await body()
    }

    package var admission: AdmissionFigures {
        let now = time.now
        return state.withLock { $0.figures(at: now) }
    }

    private func enter(_ context: CallContext) async throws {
        let begun = time.now
        switch state.withLock({ $0.enter(context.principal.subject, at: begun) }) {
        case .admitted: return
        case .refused: throw WorkflowsFull()
        case .waits(let waiter):
            do { try await waiter.signal.wait(until: latest(begun, context.deadline), time) } catch {
                admitWaiting { $0.admission.abandon(waiter) }
                throw error
            }
            guard state.withLock({ $0.admission.decide(waiter) }) else { throw WorkflowsFull() }
            tools.observeWait(time.now - begun)
        }
    }

    /// When a request stops waiting.
    private func latest(_ now: Moment, _ deadline: Moment?) -> Moment {
        // The other half of the caller's time is for its work.
        now + min(limits.admissionWaitMax, deadline.map { ($0 - now) / 2 } ?? limits.admissionWaitMax)
    }

    /// Applies `change`, and wakes the requests for which there is room then.
    func admitWaiting(after change: (inout EngineState) -> Void) {
        let now = time.now
        for signal in state.withLock({ $0.admit(at: now, after: change) }) { signal.raise() }
    }

    /// The step of `run` fails since its callee does not respond, or has ended.
    func stall(_ run: ClaimedRun, _ isStalled: Bool) {
        admitWaiting { $0.active.set(run, isStalled: isStalled) }
    }
}

/// Too many runs are open: new work is refused until some have ended.
public struct WorkflowsFull: FaultConvertible {
    public var fault: Fault {
        // Longer than services wait between two attempts, so that only the outermost client retries.
        Fault(.resourceExhausted, .overloaded, "too many workflow runs are waiting", retryAfter: .seconds(2))
    }
}
