import Synchronization

/// The connections and the bytes of all listeners of one process.
///
/// Every listener asks it for each connection that it accepts. When the connections are used up, the longest idle one is
/// closed, one without an accepted token before any other; when none is idle, a few more are accepted for questions about
/// health. Safe to share between threads.
public final class ListenerBudget: Sendable {
    /// The budget of this process; its first use raises the soft limit of descriptors.
    public static let process = ListenerBudget(ListenerLimits(descriptors: DescriptorLimit.raise()))

    public let limits: ListenerLimits
    /// The bytes in flight of all connections.
    package let bytes: ByteBudget
    private let table: Mutex<ConnectionTable>

    public init(_ limits: ListenerLimits) {
        self.limits = limits
        bytes = ByteBudget(bytesMax: limits.bytesMax, untrustedBytesMax: limits.untrustedBytesMax)
        table = Mutex(ConnectionTable(limits))
    }

    /// How many connections are open.
    package var connections: Int { table.withLock { $0.count } }

    /// What connections hold, in bytes: their requests and responses in flight, and what each needs for itself.
    package var load: Int { bytes.held + connections * ListenerLimits.connectionBytes }

    /// The highest ``load`` since the last call; too high by what was not held at the same time.
    package func takePeakLoad() -> Int {
        bytes.takePeak() + table.withLock { $0.takeHighest() } * ListenerLimits.connectionBytes
    }

    /// Adds a connection that a listener has accepted.
    ///
    /// - Parameters:
    ///   - now: From here on the connection is idle, until its first request.
    ///   - close: Closes the connection, gracefully if it can. Called at most once, on any thread: it must not block.
    /// - Returns: `nil` when the connection must be closed immediately.
    package func open(at now: Moment, close: @escaping @Sendable () -> Void) -> ListenerConnection? {
        let (opened, victim) = table.withLock { table in
            table.open { ListenerConnection(number: $0, isReserved: $1, since: now, of: self, close: close) }
        }
        victim?.close()
        return opened
    }

    fileprivate func remove(_ number: UInt64) { table.withLock { $0.remove(number) } }
}

/// One open connection of a listener.
///
/// Safe to share between threads; none of its methods takes a lock, except ``closed()``.
package final class ListenerConnection: Sendable {
    /// Only questions about health are answered on this connection; everything else is refused as overloaded.
    package let isReserved: Bool
    let number: UInt64
    let close: @Sendable () -> Void
    private let budget: ListenerBudget
    private let running = Atomic(0)
    private let trusted = Atomic(false)
    private let lastActive: Atomic<Int64>

    fileprivate init(
        number: UInt64,
        isReserved: Bool,
        since now: Moment,
        of budget: ListenerBudget,
        close: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.isReserved = isReserved
        self.budget = budget
        self.close = close
        lastActive = Atomic(now.nanoseconds)
    }

    /// Whether a token was accepted on the connection.
    package var isTrusted: Bool { trusted.load(ordering: .relaxed) }

    /// A token was accepted: idle connections without one are closed before this one.
    package func trust() { trusted.store(true, ordering: .relaxed) }

    /// A whole request has arrived and is being handled: the connection is not idle.
    package func began() { running.wrappingAdd(1, ordering: .relaxed) }

    /// The response to a request that began is sent, or the request is abandoned.
    package func ended(at now: Moment) {
        lastActive.store(now.nanoseconds, ordering: .relaxed)
        running.wrappingSubtract(1, ordering: .relaxed)
    }

    /// A new account for the connection's bytes in flight; each connection needs one.
    package func account() -> ByteAccount { ByteAccount(of: budget.bytes, limits: budget.limits.connection) }

    /// The connection is closed; a repeat does nothing.
    package func closed() { budget.remove(number) }

    /// Since when no request is handled; `nil` while one is.
    var idleSince: Moment? {
        guard running.load(ordering: .relaxed) == 0 else { return nil }
        return Moment(nanoseconds: lastActive.load(ordering: .relaxed))
    }
}

/// The open connections: which are accepted, and which is closed for another.
struct ConnectionTable: Sendable {
    private let limits: ListenerLimits
    private var ordinary: [UInt64: ListenerConnection] = [:]
    private var reserved: [UInt64: ListenerConnection] = [:]
    /// Of both: those that were asked to close.
    private var closing: Set<UInt64> = []
    private var lastNumber: UInt64 = 0
    /// The most connections at a time since it was taken.
    private var highest = 0

    init(_ limits: ListenerLimits) { self.limits = limits }

    var count: Int { ordinary.count + reserved.count }

    /// The most connections at a time since the last call.
    mutating func takeHighest() -> Int {
        defer { highest = count }
        return highest
    }

    /// - Parameter make: Makes the connection from its number, and from whether it is reserved for health.
    /// - Returns: The new connection, `nil` when it is refused; and the one to close for it.
    mutating func open(
        _ make: (_ number: UInt64, _ isReserved: Bool) -> ListenerConnection
    ) -> (opened: ListenerConnection?, victim: ListenerConnection?) {
        lastNumber += 1
        if ordinary.count < limits.connectionsMax {
            return (add(make(lastNumber, false)), nil)
        }
        if let victim = choose(from: ordinary) { return (add(make(lastNumber, false)), victim) }
        if reserved.count < limits.healthConnectionsMax {
            return (add(make(lastNumber, true)), nil)
        }
        if let victim = choose(from: reserved) { return (add(make(lastNumber, true)), victim) }
        return (nil, nil)
    }

    mutating func remove(_ number: UInt64) {
        ordinary[number] = nil
        reserved[number] = nil
        closing.remove(number)
    }

    private mutating func add(_ connection: ListenerConnection) -> ListenerConnection {
        if connection.isReserved {
            reserved[connection.number] = connection
        } else {
            ordinary[connection.number] = connection
        }
        highest = max(highest, count)
        return connection
    }

    /// The longest idle connection, which is closing from now on.
    private mutating func choose(from connections: [UInt64: ListenerConnection]) -> ListenerConnection? {
        guard closing.count < limits.closingConnectionsMax else { return nil }
        var chosen: (connection: ListenerConnection, isTrusted: Bool, since: Moment)?
        for connection in connections.values where !closing.contains(connection.number) {
            guard let since = connection.idleSince else { continue }
            let isTrusted = connection.isTrusted
            if let other = chosen {
                let isBetter =
                    isTrusted != other.isTrusted
                    ? !isTrusted : (since, connection.number) < (other.since, other.connection.number)
                guard isBetter else { continue }
            }
            chosen = (connection, isTrusted, since)
        }
        guard let victim = chosen?.connection else { return nil }
        closing.insert(victim.number)
        return victim
    }
}
