/// The open connections: which are accepted, and which is closed for another.
struct ConnectionTable: Sendable {
    /// After a search that found too little to give way, another one for as much has this pause: each looks at all
    /// connections.
    static let searchPause = Duration.milliseconds(100)

    private struct Address {
        let bytes: AddressBytes
        var connections = 0
    }

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
    /// Of all connections.
    private var addresses: [IPAddress: Address] = [:]
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

    /// - Parameters:
    ///   - peer: The addresses of one subscriber are one address.
    ///   - make: Makes the connection from its number, and from whether it is reserved for health.
    /// - Returns: The new connection, `nil` when it is refused; and the one to close for it.
    mutating func open(
        from peer: IPAddress?,
        _ make: (_ number: UInt64, _ isReserved: Bool, _ address: AddressBytes?) -> ListenerConnection
    ) -> (opened: ListenerConnection?, victim: ListenerConnection?) {
        if ordinary.count < limits.connectionsMax { return (add(from: peer, isReserved: false, make), nil) }
        if let victim = choose(from: ordinary) { return (add(from: peer, isReserved: false, make), victim) }
        if reserved.count < limits.healthConnectionsMax { return (add(from: peer, isReserved: true, make), nil) }
        if let victim = choose(from: reserved) { return (add(from: peer, isReserved: true, make), victim) }
        return (nil, nil)
    }

    /// A repeat does nothing.
    mutating func remove(_ connection: ListenerConnection) {
        let number = connection.number
        closing.remove(number)
        guard (ordinary.removeValue(forKey: number) ?? reserved.removeValue(forKey: number)) != nil,
            let address = connection.charge.address?.address
        else { return }
        addresses[address]?.connections -= 1
        guard addresses[address]?.connections == 0 else { return }
        addresses[address] = nil
        searched[.address(address)] = nil
    }

    private mutating func add(
        from peer: IPAddress?,
        isReserved: Bool,
        _ make: (_ number: UInt64, _ isReserved: Bool, _ address: AddressBytes?) -> ListenerConnection
    ) -> ListenerConnection {
        lastNumber += 1
        let connection = make(lastNumber, isReserved, peer.map { share(of: $0.subscriber) })
        if isReserved { reserved[lastNumber] = connection } else { ordinary[lastNumber] = connection }
        highest = max(highest, count)
        return connection
    }

    /// What the connections of an address hold, with one more of them.
    private mutating func share(of address: IPAddress) -> AddressBytes {
        var entry = addresses[address] ?? Address(bytes: AddressBytes(address))
        entry.connections += 1
        addresses[address] = entry
        return entry.bytes
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
