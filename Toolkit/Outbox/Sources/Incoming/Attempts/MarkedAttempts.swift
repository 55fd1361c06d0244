import MartletCore
import MartletMessaging
import MartletSQL
import Synchronization

/// The attempts of one service's process that the process might not survive: one at a time, each behind a committed
/// marker.
final class MarkedAttempts: Sendable {
    private struct State {
        /// Until when every event is taken behind a marker; `nil`: only events that have one, and redriven ones.
        var suspectUntil: Moment?
        var isAttempting = false
        /// Whether markers of the process may be stored.
        var mayHold = false
    }

    let holder: AttemptMarker.Holder
    private let process: InboxProcess
    private let state = Mutex(State())

    /// - Parameter boot: Differs for each process.
    init(in process: InboxProcess, boot: ExactText) {
        self.process = process
        holder = AttemptMarker.Holder(instance: process.instance, boot: boot)
    }

    /// Whether every event is taken alone and behind a marker: the process before did not end in order, and may have
    /// been ended by a handler.
    func takesOneByOne(at now: Moment) -> Bool {
        state.withLock { state in state.suspectUntil.map { now < $0 } ?? false }
    }

    // MARK: One attempt

    /// Begins an attempt; suspends until no other one of the process runs.
    ///
    /// - Returns: For ``leave(_:)``, which must follow.
    func enter() async throws -> Signal {
        let place = try await process.queue.enter()
        state.withLock { ($0.isAttempting, $0.mayHold) = (true, true) }
        return place
    }

    func leave(_ place: Signal) {
        state.withLock { $0.isAttempting = false }
        process.queue.leave(place)
    }

    // MARK: The process

    /// Registers the process.
    ///
    /// - Parameter window: How long events are taken one by one if the process before did not end in order.
    func start(on database: any SQLDatabase, window: Duration, _ time: any TimeSource) async throws {
        let holder = holder
        let isSuspect = try await database.transaction("inbox.process") { tx in try AttemptRows.start(holder, in: tx) }
        guard isSuspect else { return }
        let end = time.now + window
        state.withLock { $0.suspectUntil = end }
    }

    /// Renews the marker of a running attempt, and releases all others of the process.
    func keep(on database: any SQLDatabase, lease: Duration) async throws {
        let mayHold = state.withLock { state in
            defer { state.mayHold = state.isAttempting }
            return state.mayHold
        }
        guard mayHold else { return }
        do {
            try await database.transaction("inbox.keep") { [self] tx in
                let isAttempting = { self.state.withLock { $0.isAttempting } }
                try AttemptRows.keep(holder, lease: lease, isAttempting: isAttempting, in: tx)
            }
        } catch {
            state.withLock { $0.mayHold = true }
            throw error
        }
    }

    /// Stores that the process ends in order.
    ///
    /// When that fails, the next process takes events one by one for a while.
    func end(on database: any SQLDatabase) async {
        let holder = holder
        // The next start needs nothing of it.
        _ = try? await database.transaction("inbox.end") { tx in try AttemptRows.end(holder, in: tx) }
    }
}
