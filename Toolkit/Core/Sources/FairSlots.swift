import Synchronization

/// A limited number of slots, for which a limited number of callers wait.
///
/// Waiting callers take turns. One caller never has all slots or all places in the queue: from an eighth of them on it
/// leaves a quarter free for others. Safe to share between tasks.
package final class FairSlots: Sendable {
    /// Why a caller has no slot.
    package enum Refusal: Error {
        /// The queue is full for this caller.
        case full
        /// The moment until which it could wait has passed.
        case late
    }

    private struct State {
        var stateMachine: StateMachine
        var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state: Mutex<State>
    private let time: any TimeSource

    /// - Parameters:
    ///   - runningLimit: The slots. At least 1.
    ///   - waitingLimit: Places in the queue. 0 refuses immediately.
    ///   - time: The clock for the moments until which callers wait.
    package init(runningLimit: Int, waitingLimit: Int, time: any TimeSource) {
        precondition(runningLimit >= 1 && waitingLimit >= 0)
        state = Mutex(State(stateMachine: StateMachine(runningLimit: runningLimit, waitingLimit: waitingLimit)))
        self.time = time
    }

    /// Slots in use.
    package var running: Int { state.withLock { $0.stateMachine.running } }

    /// Callers in the queue.
    package var waiting: Int { state.withLock { $0.stateMachine.waiting } }

    /// Takes a slot, when one is free; ``release(_:)`` must follow.
    ///
    /// - Parameters:
    ///   - caller: Whose slot it is.
    ///   - latest: When the caller must have a slot, or leaves the queue; `nil` for no limit. Read when it must wait.
    /// - Throws: ``Refusal``; `CancellationError`.
    package func take(as caller: ExactText, until latest: @autoclosure () -> Moment?) async throws {
        switch state.withLock({ $0.stateMachine.enter(caller) }) {
        case .run: break
        case .refuse: throw Refusal.full
        case .wait(let ticket): try await queue(ticket, of: caller, until: latest())
        }
    }

    /// Returns a slot, which passes to the next that waits.
    package func release(_ caller: ExactText) { resume { $0.leave(caller) } }

    private func queue(_ ticket: Int, of caller: ExactText, until latest: Moment?) async throws {
        do {
            try await withDeadline(latest, time) { try await self.wait(ticket) }
            state.withLock { $0.stateMachine.start(ticket) }
        } catch {
            // The slot may have been granted at the same moment: then it passes to the next ticket.
            resume { $0.abandon(ticket, of: caller) }
            if error is CancellationError { throw error }
            throw Refusal.late
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

extension FairSlots {
    /// Who has slots and who waits, without continuations: a value that tests drive directly.
    struct StateMachine: Sendable {
        enum Entry: Equatable {
            case run, refuse
            /// Wait with this ticket.
            case wait(Int)
        }

        private let slots: FairShare
        private let places: FairShare
        /// Running calls, and waiters that were granted a slot and are being resumed, by caller.
        private var holders = CallerCounts()
        /// The tickets of the calls that wait.
        private var queue = FairQueue<Int>()
        /// The tickets that have a slot and do not use it yet.
        private var granted: Set<Int> = []
        private var lastTicket = 0

        init(runningLimit: Int, waitingLimit: Int) {
            slots = FairShare(of: runningLimit)
            places = FairShare(of: waitingLimit)
        }

        /// Running calls, and waiters that were granted a slot and are being resumed.
        var running: Int { holders.total }

        var waiting: Int { queue.counts.total }

        mutating func enter(_ caller: ExactText) -> Entry {
            if slots.admits(own: holders[caller], all: holders.total) {
                holders.add(caller)
                return .run
            }
            guard places.admits(own: queue.counts[caller], all: queue.counts.total) else { return .refuse }
            lastTicket += 1
            queue.append(lastTicket, of: caller)
            return .wait(lastTicket)
        }

        /// A call of this caller has finished; its slot passes to the returned ticket.
        mutating func leave(_ caller: ExactText) -> Int? {
            holders.remove(caller)
            // One slot is enough for at most one of those that wait.
            let (slots, held) = (slots, holders)
            guard let next = queue.next(where: { slots.admits(own: held[$0], all: held.total) }) else { return nil }
            holders.add(next.caller)
            granted.insert(next.element)
            return next.element
        }

        func isGranted(_ ticket: Int) -> Bool { granted.contains(ticket) }

        /// The owner of `ticket` uses its slot.
        mutating func start(_ ticket: Int) { granted.remove(ticket) }

        /// The caller of `ticket` stops waiting; a slot granted to it passes to the returned ticket.
        mutating func abandon(_ ticket: Int, of caller: ExactText) -> Int? {
            if granted.remove(ticket) != nil { return leave(caller) }
            _ = queue.remove(of: caller) { $0 == ticket }
            return nil
        }
    }
}
