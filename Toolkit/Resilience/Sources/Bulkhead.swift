public import MartletCore

/// Limits concurrent calls; a limited number more wait.
///
/// Waiting callers take turns. One caller never has all slots or all places in the queue: from an eighth of them on it
/// leaves a quarter free for others. Safe to share between tasks.
public final class Bulkhead: Sendable {
    private let slots: FairSlots

    /// - Parameters:
    ///   - runningLimit: Concurrent calls. At least 1.
    ///   - waitingLimit: Calls that may wait. 0 refuses immediately.
    ///   - time: The clock for the deadlines of waiting calls.
    public init(runningLimit: Int, waitingLimit: Int, time: any TimeSource) {
        slots = FairSlots(runningLimit: runningLimit, waitingLimit: waitingLimit, time: time)
    }

    /// Calls that run now.
    public var running: Int { slots.running }

    /// Runs `body` when a slot is free.
    ///
    /// - Parameters:
    ///   - caller: Whose call it is.
    ///   - latest: When the call must have a slot, or leaves the queue; `nil` for no limit. Read when the call must wait.
    ///   - body: The call.
    /// - Throws: ``BulkheadFull`` immediately when the queue is full for this caller; ``BulkheadTimeout`` when `latest`
    ///   passes in the queue; `CancellationError`; otherwise whatever `body` throws.
    public func run<R: Sendable>(
        as caller: ExactText,
        until latest: @autoclosure () -> Moment?,
        _ body: () async throws -> R
    ) async throws -> R {
        do {
            try await slots.take(as: caller, until: latest())
        } catch FairSlots.Refusal.full {
            throw BulkheadFull()
        } catch FairSlots.Refusal.late {
            throw BulkheadTimeout()
        }
        defer { slots.release(caller) }
        return try await body()
    }
}

/// The bulkhead and its queue are full: the call was not made.
public struct BulkheadFull: FaultConvertible, CallNotMade, Equatable {
    public var fault: Fault {
        Fault(
            .resourceExhausted,
            .overloaded,
            "too many calls wait for this service",
            retryAfter: .milliseconds(500),
            cause: self
        )
    }
}

/// The call waited for a slot until too little of its time was left: it was not made.
public struct BulkheadTimeout: FaultConvertible, CallNotMade, Equatable {
    public var fault: Fault {
        Fault(
            .deadlineExceeded,
            .deadlineExceeded,
            "the deadline is too close for a call that waits",
            cause: self
        )
    }
}
