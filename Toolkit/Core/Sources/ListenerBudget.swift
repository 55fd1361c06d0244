import Synchronization

/// The connections and the bytes of all listeners of one process.
///
/// Every listener asks it for each connection that it accepts. When the connections are used up, the longest idle one is
/// closed, one without an accepted token before any other; when none is idle, one whose client makes no progress; when
/// there is none, a few more are accepted for questions about health. The last connections are for addresses that have
/// few. When the bytes are used up, connections whose clients make no progress give way. Safe to share between threads.
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
    ///   - peer: The address with which the connection shares places, and bytes before a token; `nil` when it has none.
    ///   - time: From now on the connection is idle, until its first request.
    ///   - close: Closes the connection, gracefully if it can, unless it ``ListenerConnection/gaveWay``. Called at most
    ///     once, on any thread: it must not block.
    /// - Returns: `nil` when the connection must be closed immediately.
    package func open(
        from peer: IPAddress?,
        time: any TimeSource,
        close: @escaping @Sendable () -> Void
    ) -> ListenerConnection? {
        let (opened, victim) = table.withLock { table in
            table.open(from: peer, at: time.now) { number, isReserved, address in
                ListenerConnection(
                    number: number,
                    isReserved: isReserved,
                    charge: ByteCharge(of: bytes, from: address),
                    time: time,
                    of: self,
                    close: close
                )
            }
        }
        victim?.close()
        return opened
    }

    func remove(_ connection: ListenerConnection) { table.withLock { $0.remove(connection) } }

    /// Closes connections whose clients make no progress, so that one can have so many bytes reserved.
    func makeSpace(for connection: ListenerConnection, raisingTo bytes: Int) {
        guard let shortage = connection.charge.shortage(raisingTo: bytes) else { return }
        let now = connection.time.now
        let stalled = table.withLock { $0.giveWay(to: connection, for: shortage, at: now) }
        for other in stalled { other.giveWay() }
    }
}
