import Foundation
import Logging
import MartletCore
import MartletSQL
import Synchronization

/// Notifications between the processes of one database: LISTEN, and NOTIFY after the commit that it is about.
///
/// A NOTIFY inside a transaction takes a lock of the whole server's database until its commit is durable, so that such commits run one at
/// a time. Here a thread with a connection of its own sends it in a transaction without data; those of many commits travel
/// together. The thread starts when it is needed first, and ends when this is closed or released.
final class PostgresListener: Sendable {
    private let isPooled: Bool
    private let listeners = SQLListeners()
    private let worker: PostgresListenerWorker

    init(_ connector: PostgresConnector, _ limits: PostgresLimits, isPooled: Bool, time: any TimeSource, log: Logger) {
        self.isPooled = isPooled
        worker = PostgresListenerWorker(connector, listeners, limits: limits, time: time, log: log)
    }

    deinit { worker.close() }

    /// Notifies this process at once, and the others soon.
    func committed(_ channels: Set<SQLChannel>) {
        guard !channels.isEmpty else { return }
        listeners.notify(channels)
        if !isPooled { worker.send(channels) }
    }

    /// - Throws: `SQLError` when the server cannot be reached.
    func listen(to channels: Set<SQLChannel>) async throws -> SQLNotifications {
        let notifications = listeners.listen(to: channels)
        guard !isPooled else { return notifications }
        do {
            try await worker.listen(to: channels)
        } catch {
            notifications.close()
            throw error
        }
        return notifications
    }

    func close() async { await worker.end() }
}

/// The thread of a ``PostgresListener``.
private final class PostgresListenerWorker: Sendable {
    private struct State {
        var isStarted = false
        var isClosed = false
        /// What the session is to listen to: never less, as a listener that has left costs nothing.
        var wanted: Set<SQLChannel> = []
        var outgoing: Set<SQLChannel> = []
        var waiting: [CheckedContinuation<Void, any Error>] = []
    }

    private let connector: PostgresConnector
    private let listeners: SQLListeners
    private let pause: Duration
    private let patience: Duration
    private let time: any TimeSource
    private let log: Logger
    private let state = Mutex(State())
    private let threads = SQLThreadGroup()
    private let wakeUp = PostgresWakeUp()

    init(
        _ connector: PostgresConnector,
        _ listeners: SQLListeners,
        limits: PostgresLimits,
        time: any TimeSource,
        log: Logger
    ) {
        pause = limits.unreachablePause
        patience = limits.statementDuration
        self.connector = connector
        self.listeners = listeners
        self.time = time
        self.log = log
    }

    func send(_ channels: Set<SQLChannel>) { _ = change { $0.outgoing.formUnion(channels) } }

    func listen(to channels: Set<SQLChannel>) async throws {
        try await withCheckedThrowingContinuation { continuation in
            let isAccepted = change { state in
                state.wanted.formUnion(channels)
                state.waiting.append(continuation)
            }
            if !isAccepted { continuation.resume(throwing: Self.closed) }
        }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        wakeUp.raise()
    }

    func end() async {
        close()
        await threads.waitUntilEmpty()
    }

    /// Changes what the thread has to do, and wakes or starts it.
    ///
    /// - Returns: False when this is closed; then nothing was changed.
    private func change(_ body: (inout State) -> Void) -> Bool {
        let (isAccepted, starts) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            body(&state)
            defer { state.isStarted = true }
            if !state.isStarted { threads.enter() }
            return (true, !state.isStarted)
        }
        guard starts else {
            wakeUp.raise()
            return isAccepted
        }
        let thread = Thread { [self] in
            run()
            threads.leave()
        }
        thread.name = "postgres-listener"
        thread.start()
        return true
    }

    private func run() {
        var session: PostgresSession?
        var listening: Set<SQLChannel> = []
        var wasLost = false
        while !(state.withLock { $0.isClosed }) {
            wakeUp.clear()
            let (wanted, outgoing, waiting) = state.withLock { state in
                defer {
                    state.outgoing = []
                    state.waiting = []
                }
                return (state.wanted, state.outgoing, state.waiting)
            }
            // Those who were not answered yet: each is answered once.
            var unanswered = waiting
            do {
                let current = try session ?? connector.connect(until: nil)
                session = current
                try exchange(wanted.subtracting(listening).sorted().map { .control("LISTEN \($0)") }, on: current)
                listening = wanted
                for continuation in unanswered { continuation.resume() }
                unanswered = []
                // What was committed while there was no session.
                if wasLost { listeners.notifyAll() }
                wasLost = false
                try exchange(outgoing.sorted().map { .control("NOTIFY \($0)") }, on: current)
                deliver(from: current, to: wanted)
                try current.waitForInput(or: wakeUp.descriptor, until: nil)
                deliver(from: current, to: wanted)
            } catch {
                if session != nil {
                    session = nil
                    connector.closed()
                }
                listening = []
                wasLost = true
                lost(error, unanswered, unsent: outgoing)
            }
        }
        if session != nil { connector.closed() }
        for continuation in state.withLock({ $0.waiting }) { continuation.resume(throwing: Self.closed) }
    }

    private func deliver(from session: PostgresSession, to wanted: Set<SQLChannel>) {
        let arrived = session.notifications()
        guard !arrived.isEmpty else { return }
        listeners.notify(wanted.filter { arrived.contains(ExactText("\($0)")) })
    }

    /// Fails those who wait, and pauses before the next attempt.
    private func lost(
        _ error: any Error,
        _ waiting: [CheckedContinuation<Void, any Error>],
        unsent outgoing: Set<SQLChannel>
    ) {
        let error = (error as? PostgresFailure)?.error() ?? error
        for continuation in waiting { continuation.resume(throwing: error) }
        // Those who listen are to be notified of what was committed meanwhile.
        state.withLock { $0.outgoing.formUnion(outgoing) }
        log.warning(
            "notifications of other processes are interrupted, will retry",
            metadata: ["error": "\(error)", "retry.in": "\(pause)"]
        )
        let end = time.now + pause
        while time.now < end, !(state.withLock { $0.isClosed }) {
            wakeUp.wait(milliseconds: 50)
            wakeUp.clear()
        }
    }

    private static let closed = SQLError(.unavailable, code: "closed", message: "the database is closed")

    private func exchange(_ commands: [PostgresCommand], on session: PostgresSession) throws {
        guard !commands.isEmpty else { return }
        _ = try session.exchange(commands, until: time.now + patience)
    }
}
