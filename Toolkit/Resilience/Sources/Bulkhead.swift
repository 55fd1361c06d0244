public import MartletCore
import Synchronization

/// Lets a limited number of calls run at once; a limited number more may wait their turn, in order.
///
/// Safe to share between tasks.
public final class Bulkhead: Sendable {
    private struct State {
        var machine: Machine
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state: Mutex<State>
    private let time: any TimeSource

    /// - Parameters:
    ///   - runningLimit: Calls at once. At least 1.
    ///   - waitingLimit: Calls that may wait. 0 refuses at once.
    public init(runningLimit: Int, waitingLimit: Int, time: any TimeSource) {
        precondition(runningLimit >= 1 && waitingLimit >= 0)
        state = Mutex(State(machine: Machine(runningLimit: runningLimit, waitingLimit: waitingLimit)))
        self.time = time
    }

    /// Calls that run now.
    public var running: Int { state.withLock { $0.machine.running } }

    /// Runs `body` when there is room.
    ///
    /// - Throws: ``BulkheadFull`` at once when the queue is full; `Fault` with `deadlineExceeded` when `deadline` passes in the
    ///   queue; `CancellationError`; otherwise whatever `body` throws.
    public func run<R: Sendable>(until deadline: Moment?, _ body: () async throws -> R) async throws -> R {
        switch state.withLock({ $0.machine.enter() }) {
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
            state.withLock { $0.machine.start(ticket) }
        } catch {
            // The place may have been given in the same instant: then it goes to the next.
            resume { $0.giveUp(ticket) }
            throw error
        }
    }

    private func wait(_ ticket: Int) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let settled: Result<Void, any Error>? = state.withLock { state in
                    if state.machine.isGranted(ticket) { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let settled { continuation.resume(with: settled) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.resume(throwing: CancellationError())
        }
    }

    /// Wakes the ticket that `decide` gives a place to.
    private func resume(_ decide: (inout Machine) -> Int?) {
        state.withLock { state in
            decide(&state.machine).flatMap { state.waiters.removeValue(forKey: $0) }
        }?.resume()
    }
}

extension Bulkhead {
    /// Who runs and who waits, without continuations: a value that a test drives by hand.
    struct Machine: Sendable {
        enum Entry: Equatable {
            case run, refuse
            /// Wait with this ticket.
            case wait(Int)
        }

        let runningLimit: Int
        let waitingLimit: Int
        /// Those who run, and those who have been given a place and are waking up.
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

        /// One has finished; its place goes to the ticket that is returned.
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

        /// The owner of `ticket` takes its place.
        mutating func start(_ ticket: Int) { granted.remove(ticket) }

        /// The owner of `ticket` does not wait any longer; a place that it had goes to the ticket that is returned.
        mutating func giveUp(_ ticket: Int) -> Int? {
            if granted.remove(ticket) != nil { return leave() }
            waiting.removeAll { $0 == ticket }
            return nil
        }
    }
}

/// Too many calls run and wait: this one was not made.
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
