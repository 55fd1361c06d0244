/// The open connections: which are accepted, and which is closed for another.
struct ConnectionTable: Sendable {
    /// After a search that found too little to give way, another one for as much has this pause: each looks at all
    /// connections.
    static let searchPause = Duration.milliseconds(100)

    /// The connection that closes for another one.
    struct Victim {
        fileprivate let connection: ListenerConnection
        /// Its client makes no progress: it closes with whatever is not sent.
        fileprivate let isStalled: Bool

        func close() { if isStalled { connection.giveWay() } else { connection.close() } }
    }

    /// The address of a connection that wants to be opened.
    private struct Newcomer {
        let address: IPAddress?
        /// The open connections of the address.
        let connections: Int
        let hasFew: Bool
    }

    /// A connection that may close for another one.
    private struct Candidate {
        let connection: ListenerConnection
        let isTrusted: Bool
        let isStalled: Bool
        /// When it is stalled: the connections of its address.
        let crowd: Int
        let since: Moment

        /// Whether it closes before another one.
        func precedes(_ other: Candidate) -> Bool {
            guard isTrusted == other.isTrusted else { return !isTrusted }
            guard isStalled == other.isStalled else { return !isStalled }
            guard crowd == other.crowd else { return crowd > other.crowd }
            return (since, connection.number) < (other.since, other.connection.number)
        }
    }

    /// A connection that may give its bytes to another one.
    private struct Stalled {
        let connection: ListenerConnection
        let bytes: Int
        let isTrusted: Bool
        let since: Moment

        /// Whether it gives way before another one.
        func precedes(_ other: Stalled) -> Bool {
            guard isTrusted == other.isTrusted else { return !isTrusted }
            return (since, connection.number) < (other.since, other.connection.number)
        }
    }

    /// A search that found too little: for more than `bytes` none is made before `until`.
    private struct Search {
        let bytes: Int
        let until: Moment
    }

    private let limits: ListenerLimits
    private var ordinary: [UInt64: ListenerConnection] = [:]
    private var reserved: [UInt64: ListenerConnection] = [:]
    /// Of both: those that were asked to close.
    private var closing: Set<UInt64> = []
    /// How many of these are ordinary ones: their places are free.
    private var ordinaryClosing = 0
    /// Of all connections.
    private var addresses = AddressTable()
    /// The last search among these that found too little.
    private var searched: [ByteBudget.Holders: Search] = [:]
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

    /// Accepts a connection, or refuses it.
    ///
    /// The last places are for addresses that have few: others leave them free. When no place is left for an address, an
    /// idle connection closes, else one whose client makes no progress.
    ///
    /// - Parameters:
    ///   - peer: The addresses of one subscriber are one address.
    ///   - make: Makes the connection from its number, and from whether it is reserved for health.
    /// - Returns: The new connection, `nil` when it is refused; and the one to close for it.
    mutating func open(
        from peer: IPAddress?,
        at now: Moment,
        _ make: (_ number: UInt64, _ isReserved: Bool, _ address: AddressBytes?) -> ListenerConnection
    ) -> (opened: ListenerConnection?, victim: Victim?) {
        let address = peer?.subscriber
        let newcomer = Newcomer(
            address: address,
            connections: addresses[address],
            hasFew: addresses.hasFew(address)
        )
        let places = newcomer.hasFew ? limits.connectionsMax : limits.crowdConnectionsMax
        if ordinary.count - ordinaryClosing < places { return (add(from: address, isReserved: false, make), nil) }
        if let victim = choose(from: ordinary, for: newcomer, at: now) {
            return (add(from: address, isReserved: false, make), victim)
        }
        if reserved.count < limits.healthConnectionsMax { return (add(from: address, isReserved: true, make), nil) }
        if let victim = choose(from: reserved, for: newcomer, at: now) {
            return (add(from: address, isReserved: true, make), victim)
        }
        return (nil, nil)
    }

    /// A repeat does nothing.
    mutating func remove(_ connection: ListenerConnection) {
        let number = connection.number
        let wasClosing = closing.remove(number) != nil
        if ordinary.removeValue(forKey: number) != nil {
            if wasClosing { ordinaryClosing -= 1 }
        } else if reserved.removeValue(forKey: number) == nil {
            return
        }
        guard let address = connection.charge.address?.address else { return }
        if addresses.remove(address) { searched[.address(address)] = nil }
    }

    private mutating func add(
        from address: IPAddress?,
        isReserved: Bool,
        _ make: (_ number: UInt64, _ isReserved: Bool, _ address: AddressBytes?) -> ListenerConnection
    ) -> ListenerConnection {
        lastNumber += 1
        let connection = make(lastNumber, isReserved, address.map { addresses.add($0) })
        if isReserved { reserved[lastNumber] = connection } else { ordinary[lastNumber] = connection }
        highest = max(highest, count)
        return connection
    }

    /// The connections whose bytes end a shortage, which are closing from now on: those whose clients have made no progress
    /// for longest, those without an accepted token first.
    ///
    /// - Returns: None when all that stall hold too little.
    mutating func giveWay(
        to other: ListenerConnection,
        for shortage: ByteBudget.Shortage,
        at now: Moment
    ) -> [ListenerConnection] {
        if let last = searched[shortage.holders], now < last.until, shortage.bytes > last.bytes { return [] }
        let stalled = stalled(among: shortage.holders, at: now, without: other)
        var missing = shortage.bytes
        var chosen: [ListenerConnection] = []
        for next in stalled where missing > 0 {
            chosen.append(next.connection)
            missing -= next.bytes
        }
        guard missing <= 0, closing.count + chosen.count <= limits.closingConnectionsMax else {
            // A smaller shortage may need less than what was found, or fewer connections.
            let bytes = missing > 0 ? shortage.bytes - missing : shortage.bytes - 1
            searched[shortage.holders] = Search(bytes: bytes, until: now + Self.searchPause)
            return []
        }
        closing.formUnion(chosen.map(\.number))
        ordinaryClosing += chosen.count
        return chosen
    }

    private func stalled(
        among holders: ByteBudget.Holders,
        at now: Moment,
        without other: ListenerConnection
    ) -> [Stalled] {
        ordinary.values
            .compactMap { connection in
                guard connection.number != other.number, !closing.contains(connection.number),
                    let since = connection.stalledSince, now - since >= limits.stallTime
                else { return nil }
                let bytes = connection.charge.bytes(among: holders)
                guard bytes > 0 else { return nil }
                return Stalled(
                    connection: connection,
                    bytes: bytes,
                    isTrusted: connection.isTrusted,
                    since: since
                )
            }
            .sorted { $0.precedes($1) }
    }

    /// The connection that closes for another one, which is closing from now on: one without an accepted token before any
    /// other, an idle one before one whose client makes no progress.
    ///
    /// It looks at all connections once.
    private mutating func choose(
        from connections: [UInt64: ListenerConnection],
        for newcomer: Newcomer,
        at now: Moment
    ) -> Victim? {
        guard closing.count < limits.closingConnectionsMax else { return nil }
        var chosen: Candidate?
        var untrusted = 0
        for connection in connections.values {
            if !connection.isTrusted { untrusted += 1 }
            guard !closing.contains(connection.number),
                let candidate = candidate(connection, for: newcomer, at: now)
            else { continue }
            if let other = chosen, !candidate.precedes(other) { continue }
            chosen = candidate
        }
        // Many without a token cannot push out those of callers with one, such as another service.
        guard let chosen, newcomer.hasFew || !chosen.isTrusted || 2 * untrusted <= connections.count else { return nil }
        closing.insert(chosen.connection.number)
        if !chosen.connection.isReserved { ordinaryClosing += 1 }
        return Victim(connection: chosen.connection, isStalled: chosen.isStalled)
    }

    /// A connection that may close for another one; `nil` while it is in use.
    ///
    /// One whose client makes no progress gives way to one of its own address, and to an address that then has at most
    /// half as many. A new one may have no request yet: it does not close for an address that has more.
    private func candidate(
        _ connection: ListenerConnection,
        for newcomer: Newcomer,
        at now: Moment
    ) -> Candidate? {
        let isTrusted = connection.isTrusted
        let address = connection.charge.address?.address
        let isOwn = address == newcomer.address
        if let since = connection.idleSince {
            let isNew = now - connection.opened < limits.stallTime
            guard !isNew || newcomer.hasFew || isOwn || addresses[address] >= newcomer.connections else { return nil }
            return Candidate(connection: connection, isTrusted: isTrusted, isStalled: false, crowd: 0, since: since)
        }
        guard let since = connection.stalledSince, now - since >= limits.stallTime else { return nil }
        let crowd = addresses[address]
        guard isOwn || crowd >= 2 * (newcomer.connections + 1) else { return nil }
        return Candidate(connection: connection, isTrusted: isTrusted, isStalled: true, crowd: crowd, since: since)
    }
}
