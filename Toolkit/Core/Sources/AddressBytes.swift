import Synchronization

/// What all connections without an accepted token from one address hold of a ``ByteBudget``.
final class AddressBytes: Sendable {
    let address: IPAddress
    private let bytes = Atomic(0)

    init(_ address: IPAddress) { self.address = address }

    var held: Int { bytes.load(ordering: .relaxed) }

    /// - Returns: What the address holds then.
    func add(_ count: Int) -> Int { bytes.wrappingAdd(count, ordering: .relaxed).newValue }

    func subtract(_ count: Int) { bytes.wrappingSubtract(count, ordering: .relaxed) }
}
