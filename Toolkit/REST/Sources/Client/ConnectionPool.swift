import MartletCore

/// The state machine of a client's connections: which one a request gets.
///
/// Callers of one peer take turns, and none has all connections or all places in the queue: see `FairShare`.
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
        /// Attempts and connections that requests have, by the caller of the request.
        var users = CallerCounts()
        /// Who has which connection.
        var owners: [Connection.ID: ExactText] = [:]
        var waiters = FairQueue<Waiter>()

        /// A request has its connection no longer.
        mutating func free(_ id: Connection.ID) {
            if let owner = owners.removeValue(forKey: id) { users.remove(owner) }
        }

        mutating func nextWaiter(_ connections: FairShare) -> (caller: ExactText, element: Waiter)? {
            let held = users
            return waiters.next { connections.admits(own: held[$0], all: held.total) }
        }
    }

    private let connections: FairShare
    private let places: FairShare
    private var peers: [ClientPeer: Peer] = [:]
    private var established: [Connection.ID: Connection] = [:]
    private var isClosed = false

    init(connectionsMax: Int, waitersMax: Int) {
        connections = FairShare(of: connectionsMax)
        places = FairShare(of: waitersMax)
    }

    mutating func begin(_ waiter: Waiter, of caller: ExactText, to address: ClientPeer) -> Start {
        guard !isClosed else { return .refuse(.shutDown) }
        var peer = peers.removeValue(forKey: address) ?? Peer()
        defer { peers[address] = peer }
        if connections.admits(own: peer.users[caller], all: peer.users.total) {
            // The last one used is the least likely to be closed by its peer.
            if let connection = peer.idle.popLast() {
                peer.users.add(caller)
                peer.owners[connection.id] = caller
                return .use(connection)
            }
            if peer.count < connections.limit {
                peer.count += 1
                peer.users.add(caller)
                return .connect
            }
        }
        guard places.admits(own: peer.waiters.counts[caller], all: peer.waiters.counts.total) else {
            return .refuse(.overloaded)
        }
        peer.waiters.append(waiter, of: caller)
        return .wait
    }

    /// - Returns: False when the pool was closed meanwhile: close the connection.
    mutating func connected(_ connection: Connection, for caller: ExactText, to address: ClientPeer) -> Bool {
        // Its end is reported in any case.
        peers[address]?.owners[connection.id] = caller
        guard !isClosed else { return false }
        established[connection.id] = connection
        return true
    }

    /// A request has ended, and its connection can be used again.
    mutating func release(_ connection: Connection, to address: ClientPeer) -> Release {
        guard !isClosed, established[connection.id] != nil, var peer = peers.removeValue(forKey: address) else {
            return .close
        }
        defer { peers[address] = peer }
        peer.free(connection.id)
        guard let next = peer.nextWaiter(connections) else {
            peer.idle.append(connection)
            return .idle
        }
        peer.users.add(next.caller)
        peer.owners[connection.id] = next.caller
        return .use(next.element)
    }

    /// Takes an idle connection away, to close it.
    ///
    /// - Returns: False when a request has it.
    mutating func retire(_ id: Connection.ID, _ address: ClientPeer) -> Bool {
        guard let index = peers[address]?.idle.firstIndex(where: { $0.id == id }) else { return false }
        peers[address]?.idle.remove(at: index)
        return true
    }

    /// A connection has closed.
    ///
    /// - Returns: The waiter that connects in its place.
    mutating func lost(_ id: Connection.ID, _ address: ClientPeer) -> Waiter? {
        established[id] = nil
        _ = retire(id, address)
        peers[address]?.free(id)
        return vacated(address)
    }

    /// An attempt to connect for a caller has failed.
    ///
    /// - Returns: The waiter that connects in its place.
    mutating func failed(for caller: ExactText, _ address: ClientPeer) -> Waiter? {
        peers[address]?.users.remove(caller)
        return vacated(address)
    }

    /// There is room for another connection.
    private mutating func vacated(_ address: ClientPeer) -> Waiter? {
        guard var peer = peers.removeValue(forKey: address) else { return nil }
        if let next = peer.nextWaiter(connections) {
            peer.users.add(next.caller)
            peers[address] = peer
            return next.element
        }
        peer.count -= 1
        if peer.count > 0 || peer.waiters.counts.total > 0 { peers[address] = peer }
        return nil
    }

    /// A request has ended while it waited.
    mutating func abandon(_ id: Waiter.ID, of caller: ExactText, _ address: ClientPeer) {
        _ = peers[address]?.waiters.remove(of: caller) { $0.id == id }
    }

    /// Refuses everything from now on.
    ///
    /// - Returns: The connections to close, and the waiters that get none.
    mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
        isClosed = true
        var waiters: [Waiter] = []
        for address in peers.keys { waiters += peers[address]?.waiters.removeAll() ?? [] }
        return (Array(established.values), waiters)
    }
}
