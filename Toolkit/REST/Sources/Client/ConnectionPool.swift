/// The state machine of a client's connections: which one a request gets.
struct ConnectionPool<Connection: Identifiable & Sendable, Waiter: Identifiable & Sendable>: Sendable
where Connection.ID: Sendable {
    enum Start: Sendable {
        case use(Connection)
        /// Counted already: connect, then call `connected` or `lost`.
        case connect
        /// The waiter is queued, and returned by `release`, `lost` or `close`.
        case wait
        case refuse(HTTP1ClientError)
    }

    enum Release: Sendable {
        case use(Waiter)
        case idle
        case close
    }

    private struct Peer: Sendable {
        /// Established connections and connection attempts.
        var count = 0
        var idle: [Connection] = []
        var waiters: [Waiter] = []
    }

    let connectionsMax: Int
    let waitersMax: Int
    private var peers: [ClientPeer: Peer] = [:]
    private var established: [Connection.ID: Connection] = [:]
    private var isClosed = false

    init(connectionsMax: Int, waitersMax: Int) {
        self.connectionsMax = connectionsMax
        self.waitersMax = waitersMax
    }

    mutating func begin(_ waiter: Waiter, to peer: ClientPeer) -> Start {
        guard !isClosed else { return .refuse(.shutDown) }
        // The last one used is the least likely to be closed by its peer.
        if let connection = peers[peer]?.idle.popLast() { return .use(connection) }
        let count = peers[peer]?.count ?? 0
        if count < connectionsMax {
            peers[peer, default: Peer()].count += 1
            return .connect
        }
        guard peers[peer]?.waiters.count ?? 0 < waitersMax else { return .refuse(.overloaded) }
        peers[peer]?.waiters.append(waiter)
        return .wait
    }

    /// - Returns: False when the pool was closed meanwhile: close the connection.
    mutating func connected(_ connection: Connection) -> Bool {
        guard !isClosed else { return false }
        established[connection.id] = connection
        return true
    }

    /// A request has ended, and its connection can be used again.
    mutating func release(_ connection: Connection, to peer: ClientPeer) -> Release {
        guard !isClosed, established[connection.id] != nil, let state = peers[peer] else { return .close }
        if let waiter = state.waiters.first {
            peers[peer]?.waiters.removeFirst()
            return .use(waiter)
        }
        peers[peer]?.idle.append(connection)
        return .idle
    }

    /// Takes an idle connection away, to close it.
    ///
    /// - Returns: False when a request has it.
    mutating func retire(_ id: Connection.ID, _ peer: ClientPeer) -> Bool {
        guard let index = peers[peer]?.idle.firstIndex(where: { $0.id == id }) else { return false }
        peers[peer]?.idle.remove(at: index)
        return true
    }

    /// A connection has closed, or an attempt has failed.
    ///
    /// - Parameter id: `nil` for an attempt.
    /// - Returns: The waiter that connects in its place.
    mutating func lost(_ id: Connection.ID?, _ peer: ClientPeer) -> Waiter? {
        if let id {
            established[id] = nil
            _ = retire(id, peer)
        }
        guard let state = peers[peer] else { return nil }
        if let waiter = state.waiters.first {
            peers[peer]?.waiters.removeFirst()
            return waiter
        }
        peers[peer]?.count -= 1
        if state.count == 1 { peers[peer] = nil }
        return nil
    }

    /// A request has ended while it waited.
    mutating func abandon(_ id: Waiter.ID, _ peer: ClientPeer) {
        guard let index = peers[peer]?.waiters.firstIndex(where: { $0.id == id }) else { return }
        peers[peer]?.waiters.remove(at: index)
    }

    /// Refuses everything from now on.
    ///
    /// - Returns: The connections to close, and the waiters that get none.
    mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
        isClosed = true
        let waiters = peers.values.flatMap(\.waiters)
        for peer in peers.keys { peers[peer]?.waiters = [] }
        return (Array(established.values), waiters)
    }
}
