public import MartletCore
import Synchronization

/// What one listener was notified of: the transactions that committed since it began to listen, by their channels.
///
/// ```swift
/// func follow(_ database: any SQLDatabase, time: any TimeSource, deliver: () async throws -> Void) async throws {
///     let notifications = try await database.notifications(of: [SQLChannel("mail")])
///     defer { notifications.close() }
///     while true {
///         try await deliver()
///         // Also without a notification: one may be lost with a process or a connection.
///         _ = try await notifications.next(until: time.now + .seconds(5), time)
///     }
/// }
/// ```
public final class SQLNotifications: Sendable {
    fileprivate let channels: Set<SQLChannel>
    private let signal = Signal()
    private let arrived = Mutex<Set<SQLChannel>>([])
    private let leave: @Sendable (SQLNotifications) -> Void

    init(of channels: Set<SQLChannel>, leave: @escaping @Sendable (SQLNotifications) -> Void) {
        self.channels = channels
        self.leave = leave
    }

    /// Suspends until there is a notification, or `moment` has come.
    ///
    /// One task waits at a time.
    ///
    /// - Parameters:
    ///   - moment: When it returns without a notification: immediately when it has passed; `nil`: never.
    ///   - time: The clock of `moment`.
    /// - Returns: The channels that were notified since the last call; empty when the moment has come.
    /// - Throws: `CancellationError`.
    public func next(until moment: Moment?, _ time: any TimeSource) async throws -> Set<SQLChannel> {
        while true {
            let channels = arrived.withLock { arrived in
                defer { arrived = [] }
                return arrived
            }
            guard channels.isEmpty else { return channels }
            if let moment, moment <= time.now { return [] }
            try await signal.wait(until: moment, time)
        }
    }

    /// Ends the listening; a repeat does nothing.
    public func close() { leave(self) }

    func arrive(_ notified: Set<SQLChannel>) {
        let own = channels.intersection(notified)
        guard !own.isEmpty else { return }
        arrived.withLock { $0.formUnion(own) }
        signal.raise()
    }
}

/// The listeners of one database in this process, for an adapter.
public final class SQLListeners: Sendable {
    private let listeners = Mutex<[SQLNotifications]>([])

    public init() {}

    /// Listens until ``SQLNotifications/close()``.
    public func listen(to channels: Set<SQLChannel>) -> SQLNotifications {
        let notifications = SQLNotifications(of: channels) { [weak self] closed in
            self?.listeners.withLock { $0.removeAll { $0 === closed } }
        }
        listeners.withLock { $0.append(notifications) }
        return notifications
    }

    /// Notifies the listeners of these channels; fast, and safe to call anywhere.
    public func notify(_ channels: Set<SQLChannel>) {
        guard !channels.isEmpty else { return }
        for listener in listeners.withLock({ $0 }) { listener.arrive(channels) }
    }

    /// Notifies every listener of all its channels: after a connection was broken, since one may be lost.
    public func notifyAll() {
        for listener in listeners.withLock({ $0 }) { listener.arrive(listener.channels) }
    }
}
