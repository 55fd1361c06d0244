import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import Orders
import SimulatedCluster

/// Looks for what customers wrote in every table of every service: it stands in one, and not past its retention.
struct CustomerTextCheck: Sendable {
    /// With these every text of a simulated customer begins, and nothing else has them.
    static let words = "second thoughts of "
    private static let table: ExactText = "customer_texts"
    private static let pollInterval = Duration.seconds(1)
    /// The job that deletes texts runs again when the lease of its last owner has ended.
    private static let pollsMax = 90

    let world: ShopWorld

    /// Texts outside of their table.
    func misplaced() async throws -> [Violation] {
        var found: [Violation] = []
        for name in world.stores.names {
            guard let store = world.stores[name] else { continue }
            found += try await Self.misplaced(in: store, of: name)
        }
        return found
    }

    /// Texts outside of their table in one service's database.
    static func misplaced(in store: Store, of service: String) async throws -> [Violation] {
        let tables = try await store.inspect { (tx: borrowing SQLTransaction) in
            try StoredTextSearch.tables(containing: Self.words, in: tx)
        }
        let isOrders = ExactText(service) == ExactText(OrdersService.name)
        return tables.filter { !isOrders || ExactText($0) != table }
            .map { Violation(.textKept, "\(service): what a customer wrote is in \($0)") }
    }

    /// Texts past their retention, which is skipped: afterwards there must be none.
    ///
    /// The last check of a world, since much else is deleted, too.
    func kept() async throws -> [Violation] {
        guard let store = world.stores[OrdersService.name], let retention = Self.retention else { return [] }
        let paused = world.cluster.pauseAll()
        world.skippedTime.skip(by: retention + Self.pollInterval)
        for machine in paused { machine.resume() }
        var left = 0
        for _ in 0..<Self.pollsMax {
            try await world.time.sleep(for: Self.pollInterval)
            left = try await store.inspect { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT COUNT(*) FROM audit_customer_texts").first?.int(0) ?? 0
            }
            if left == 0 { return [] }
        }
        return [Violation(.textKept, "\(left) texts of customers are past their retention")]
    }

    /// As the service declares it.
    private static var retention: Duration? {
        let declared = OrdersService.retentions.first { ExactText($0.table) == table }
        guard case .purged(let age, _, _) = declared?.rule else { return nil }
        return age
    }
}
