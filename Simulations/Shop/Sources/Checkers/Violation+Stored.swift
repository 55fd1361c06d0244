import MartletSQL
import SimulatedCluster
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
                let aggregate = try row.text(0)
                try found.append(Violation(invariant, "\(stored.what): \(aggregate), \(row.text(1))", of: aggregate))
            }
        }
        return found
    }

    /// The violations of those invariants of a service that hold at any moment.
    ///
    /// A database that is not available, as its process is down or its disk fails, has none. Any other failure, as of a
    /// query, is a violation: otherwise a check that never runs looks like one that finds nothing.
    static func found(always service: String, in store: Store) async -> [Violation] {
        let invariants = StoredInvariant.of(service, at: .always)
        do {
            return try await store.inspect { (tx: borrowing SQLTransaction) in
                try Violation.found(by: invariants, in: tx)
            }
        } catch let error as SQLError where [.unavailable, .full, .outcomeUnknown].contains(error.kind) {
            return []
        } catch {
            return [Violation(.notConverged, "the invariants of \(service) cannot be checked: \(error)")]
        }
    }
}
