public import MartletCore
import Synchronization

/// Limits concurrent calls; a limited number more wait in FIFO order.
///
/// Safe to share between tasks.
public final class Bulkhead: Sendable {
    private struct State {
        var stateMachine: StateMachine
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state: Mutex<State>
    private let time: any TimeSource

    /// - Parameters:
    ///   - runningLimit: Concurrent calls. At least 1.
    ///   - waitingLimit: Calls that may wait. 0 refuses immediately.
    ///   - time: The clock for the deadlines of waiting calls.
    public init(runningLimit: Int, waitingLimit: Int, time: any TimeSource) {
        precondition(runningLimit >= 1 && waitingLimit >= 0)
        state = Mutex(State(stateMachine: StateMachine(runningLimit: runningLimit, waitingLimit: waitingLimit)))
        self.time = time
    }

    /// Calls that run now.
    public var running: Int { state.withLock { $0.stateMachine.running } }

    /// Runs `body` when a slot is free.
    ///
    /// - Throws: ``BulkheadFull`` immediately when the queue is full; `Fault` with `deadlineExceeded` when `deadline`
    ///   passes in the queue; `CancellationError`; otherwise whatever `body` throws.
    public func run<R: Sendable>(until deadline: Moment?, _ body: () async throws -> R) async throws -> R {
        switch state.withLock({ $0.stateMachine.enter() }) {
        case .run: break
        case .refuse: throw BulkheadFull()
        case .wait(let ticket): try await queue(ticket, until: deadline)
        }
        defer { resume { $0.leave() } }
        return try await body()
    }

    private func queue(_ ticket: Int, until deadline: Moment?) async throws {
        do {
            try await withDeadline(deadline, time) { try await self.wait(ticket) }
            state.withLock { $0.stateMachine.start(ticket) }
        } catch {
            // The slot may have been granted at the same moment: then it passes to the next ticket.
            resume { $0.abandon(ticket) }
            throw error
        }
    }

    private func wait(_ ticket: Int) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.stateMachine.isGranted(ticket) { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(throwing: CancellationError())
        }
    }

    /// Resumes the waiter of the ticket that `decide` returns.
    private func resume(_ decide: (inout StateMachine) -> Int?) {
        state.withLock { state in
            decide(&state.stateMachine).flatMap { state.waiters.removeValue(forKey: $0) }
        }?.resume()
    }
}

extension Bulkhead {
    /// The running and waiting calls, without continuations: a value that tests drive directly.
    struct StateMachine: Sendable {
        enum Entry: Equatable {
            case run, refuse
            /// Wait with this ticket.
            case wait(Int)
        }

        let runningLimit: Int
        let waitingLimit: Int
        /// Running calls, and waiters that were granted a slot and are being resumed.
        private(set) var running = 0
        private(set) var waiting: [Int] = []
        private var granted: Set<Int> = []
        private var lastTicket = 0

        init(runningLimit: Int, waitingLimit: Int) {
            self.runningLimit = runningLimit
            self.waitingLimit = waitingLimit
        }

        mutating func enter() -> Entry {
            if running < runningLimit {
                running += 1
                return .run
            }
            guard waiting.count < waitingLimit else { return .refuse }
            lastTicket += 1
            waiting.append(lastTicket)
            return .wait(lastTicket)
        }

        /// A call has finished; its slot passes to the returned ticket.
        mutating func leave() -> Int? {
            guard !waiting.isEmpty else {
                running -= 1
                return nil
            }
            let next = waiting.removeFirst()
            granted.insert(next)
            return next
        }

        func isGranted(_ ticket: Int) -> Bool { granted.contains(ticket) }

        /// The owner of `ticket` uses its slot.
        mutating func start(_ ticket: Int) { granted.remove(ticket) }

        /// The owner of `ticket` stops waiting; a slot granted to it passes to the returned ticket.
        mutating func abandon(_ ticket: Int) -> Int? {
            if granted.remove(ticket) != nil { return leave() }
            waiting.removeAll { $0 == ticket }
            return nil
        }
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
