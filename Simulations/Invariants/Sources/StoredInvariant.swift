/// An invariant that one service's database shows: a query over its views for auditors, with one row for each violation.
///
/// The queries are the files `*.sql` beside this one, which `Simulations/Chaos` reads as well: one for each service that has
/// invariants of its own, and `common.sql` for the views that every service has.
package struct StoredInvariant: Sendable {
    package enum Moment: String, Sendable {
        /// It holds between any two transactions.
        case always
        /// It holds when nothing is in flight.
        case idle
    }

    /// Its number in `Docs/Guides/Simulation.md`, as in `I5`.
    package let number: String
    package let moment: Moment
    /// What its rows are.
    package let what: String
    /// Its columns are the aggregate and what is wrong with it, both texts.
    package let query: String

    /// The invariants of a service, with those of every service.
    package static func of(_ service: String) -> [StoredInvariant] {
        own(service) + (service == eventLog ? [] : common)
    }

    /// Those of them that hold at `moment`.
    package static func of(_ service: String, at moment: Moment) -> [StoredInvariant] {
        of(service).filter { $0.moment == moment }
    }

    /// The invariants of a service alone; empty for a service that has none.
    package static func own(_ service: String) -> [StoredInvariant] { byService[service] ?? [] }

    /// The services that have invariants of their own, sorted.
    package static var services: [String] { byService.keys.sorted() }

    /// The invariants of every service.
    package static let common = parse(PackageResources.common_sql)

    /// It is no blueprint: it has no outbox, no inbox and no workflows.
    private static let eventLog = "eventlog"

    private static let byService = [
        "inventory": parse(PackageResources.inventory_sql),
        "orders": parse(PackageResources.orders_sql),
        "payments": parse(PackageResources.payments_sql),
        "provider": parse(PackageResources.provider_sql),
    ]

    /// Each query follows a line `-- NUMBER MOMENT: what`, and ends with a semicolon.
    private static func parse(_ file: [UInt8]) -> [StoredInvariant] {
        String(decoding: file, as: UTF8.self).split(separator: ";").compactMap { block in
            let lines = block.split(separator: "\n")
            guard let title = lines.first else { return nil }
            let parts = title.drop { $0 == "-" || $0 == " " }.split(separator: " ", maxSplits: 2)
            guard parts.count == 3, let moment = Moment(rawValue: String(parts[1].dropLast())) else {
                preconditionFailure("the title of an invariant is not '-- NUMBER MOMENT: what': \(title)")
            }
            return StoredInvariant(
                number: String(parts[0]),
                moment: moment,
                what: String(parts[2]),
                query: lines.dropFirst().joined(separator: "\n")
            )
        }
    }
}
