import MartletSQL
import StoredInvariants

extension Violation {
    /// The violations of stored invariants in one database.
    static func found(by invariants: [StoredInvariant], in tx: borrowing SQLTransaction) throws -> [Violation] {
        var found: [Violation] = []
        for stored in invariants {
            guard let invariant = Invariant(number: stored.number) else {
                preconditionFailure("no invariant \(stored.number)")
            }
            for row in try tx.run(SQLQuery(unchecked: stored.query)) {
                let aggregate = row.text(0)
                found.append(Violation(invariant, "\(stored.what): \(aggregate), \(row.text(1))", of: aggregate))
            }
        }
        return found
    }

    /// The violations of those invariants of a service that hold at any moment.
    static func found(always service: String, in world: ShopWorld) async throws -> [Violation] {
        guard let store = world.stores[service] else { return [] }
        let invariants = StoredInvariant.of(service).filter { $0.moment == .always }
        return try await store.inspect { (tx: borrowing SQLTransaction) in try Violation.found(by: invariants, in: tx) }
    }
}
