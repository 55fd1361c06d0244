/// The addresses of open connections: how many each has, and what those hold.
struct AddressTable: Sendable {
    private struct Address {
        let bytes: AddressBytes
        var connections = 0
    }

    private var addresses: [IPAddress: Address] = [:]
    /// How many addresses have so many connections; the first one counts for nothing.
    private var addressesByCount = [0]
    /// The connections of the address that has most.
    private(set) var most = 0

    /// The connections of an address; 0 for none.
    subscript(address: IPAddress?) -> Int { address.flatMap { addresses[$0]?.connections } ?? 0 }

    /// Whether an address, with one more connection, has at most half as many as another one, or would have its first one.
    func hasFew(_ address: IPAddress?) -> Bool {
        let own = self[address]
        return own == 0 || 2 * (own + 1) <= most
    }

    /// One more connection of an address is open.
    ///
    /// - Returns: What all of the address hold.
    mutating func add(_ address: IPAddress) -> AddressBytes {
        var entry = addresses[address] ?? Address(bytes: AddressBytes(address))
        addressesByCount[entry.connections] -= 1
        entry.connections += 1
        if entry.connections == addressesByCount.count { addressesByCount.append(0) }
        addressesByCount[entry.connections] += 1
        most = max(most, entry.connections)
        addresses[address] = entry
        return entry.bytes
    }

    /// A connection of an address is closed.
    ///
    /// - Returns: Whether it was the last one.
    mutating func remove(_ address: IPAddress) -> Bool {
        guard var entry = addresses[address] else { return true }
        addressesByCount[entry.connections] -= 1
        // This address has one less then.
        if addressesByCount[most] == 0 { most -= 1 }
        entry.connections -= 1
        addressesByCount[entry.connections] += 1
        addresses[address] = entry.connections == 0 ? nil : entry
        return entry.connections == 0
    }
}
