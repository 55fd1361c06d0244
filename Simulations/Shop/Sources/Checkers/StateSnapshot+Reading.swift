import MartletCore
import MartletSQL
import SimulatedCluster
import StoredInvariants

extension StateSnapshot {
    /// - Parameters:
    ///   - external: Planted events that must have taken effect.
    ///   - checksInvariants: Evaluates the stored invariants of each service, as of an idle one.
    init(of world: ShopWorld, external: [Entry], checksInvariants: Bool) async throws {
        orders = try await Self.orders(in: world)
        streams = try await Self.streams(in: world)
        providerPayments = try await Self.providerPayments(in: world)
        stock = try await Self.stock(in: world)
        carts = try await Self.carts(in: world)
        reservations = try await Self.read(
            "inventory",
            in: world,
            "SELECT reservation_id, status FROM audit_reservations ORDER BY reservation_id"
        ) {
            try ($0.text(0), $0.text(1))
        }
        ledger = try await Self.ledger(in: world)
        payments = Dictionary(
            try await Self.read("payments", in: world, "SELECT payment_id, order_id FROM audit_payments") {
                try ($0.text(0), $0.text(1))
            },
            uniquingKeysWith: { first, _ in first }
        )
        waiting = try await Self.waiting(in: world)
        disagreements = try await Self.count(
            "payments",
            in: world,
            "SELECT COUNT(*) FROM audit_payment_disagreements"
        )
        var (published, runs, unsent, parked) = (external, [(String, String, String, String)](), 0, 0)
        var violations: [Violation] = []
        for name in world.stores.names where name != "eventlog" {
            let present = try await Self.events(
                of: name,
                in: world,
                "SELECT topic, key, epoch, sequence, body FROM audit_outbox ORDER BY topic, key, epoch, sequence"
            )
            published += world.publishedEvents.merged(with: present, of: name)
            let unsentEvents = try await Self.unsent(
                by: name,
                in: world,
                checking: checksInvariants ? StoredInvariant.of(name) : []
            )
            unsent += unsentEvents.count
            violations += unsentEvents.violations
            parked += try await Self.count(name, in: world, "SELECT COUNT(*) FROM audit_parked_events")
            runs += try await Self.read(
                name,
                in: world,
                "SELECT run_id, state, error FROM audit_workflow_runs WHERE state IN ('open', 'needs_human') ORDER BY run_id"
            ) { try (name, $0.text(0), $0.text(1), $0.textIfPresent(2) ?? "") }
        }
        (self.published, self.runs, self.unsent, self.parked) = (published, runs, unsent, parked)
        self.violations = violations
        if checksInvariants, world.variant == .martlet { accounts = try await world.accounts() }
        audited = try await Self.read(
            "auditor",
            in: world,
            "SELECT topic, key, epoch, sequence, body, source FROM audited ORDER BY number"
        ) { try Entry($0, from: $0.text(5)) }
    }

    // MARK: Reading

    private static func orders(in world: ShopWorld) async throws -> [String: Order] {
        let rows = try await read(
            "orders",
            in: world,
            """
            SELECT order_id, status, reason, COALESCE(reference, ''), captured, refunded, total, open_returns
            FROM audit_orders ORDER BY order_id
            """
        ) {
            try Order(
                id: $0.text(0),
                status: $0.text(1),
                reason: $0.text(2),
                reference: $0.text(3),
                captured: $0.int64(4),
                refunded: $0.int64(5),
                total: $0.int64(6),
                openReturns: $0.int(7)
            )
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0) })
    }

    private static func streams(in world: ShopWorld) async throws -> [String: [String]] {
        let rows = try await read(
            "orders",
            in: world,
            "SELECT stream, type FROM audit_stream_events ORDER BY stream, version"
        ) {
            try ($0.text(0), $0.text(1))
        }
        return Dictionary(rows.map { ($0.0, [$0.1]) }, uniquingKeysWith: +)
    }

    /// The published events that are still in a service's outbox.
    static func sent(by name: String, in world: ShopWorld) async throws -> [Entry] {
        try await events(
            of: name,
            in: world,
            """
            SELECT topic, key, epoch, sequence, body FROM audit_outbox WHERE sent_at IS NOT NULL
            ORDER BY topic, key, epoch, sequence
            """
        )
    }

    private static func events(of name: String, in world: ShopWorld, _ query: SQLQuery) async throws -> [Entry] {
        try await read(name, in: world, query) { try Entry($0, from: name) }
    }

    private static func providerPayments(in world: ShopWorld) async throws -> [ProviderPayment] {
        try await read(
            "provider",
            in: world,
            """
            SELECT reference, status, captured, refunded, (
                SELECT COUNT(*) FROM audit_provider_ledger AS entry
                WHERE entry.provider_id = payment.provider_id AND entry.kind = 'capture')
            FROM audit_provider_payments AS payment ORDER BY reference, provider_id
            """
        ) {
            try ProviderPayment(
                reference: $0.text(0),
                status: $0.text(1),
                captured: $0.int64(2),
                refunded: $0.int64(3),
                captures: $0.int(4)
            )
        }
    }

    private static func stock(in world: ShopWorld) async throws -> [Stock] {
        try await read(
            "inventory",
            in: world,
            "SELECT sku, available, on_hand, received, sold, returned, corrected FROM audit_stock ORDER BY sku, warehouse"
        ) {
            try Stock(
                sku: $0.text(0),
                available: $0.int(1),
                onHand: $0.int(2),
                received: $0.int(3),
                sold: $0.int(4),
                returned: $0.int(5),
                corrected: $0.int(6)
            )
        }
    }

    private static func carts(in world: ShopWorld) async throws -> [ExactText: [String: Int]] {
        let rows = try await read("carts", in: world, "SELECT cart_id, sku, quantity FROM audit_cart_lines") {
            try (cart: ExactText($0.text(0)), sku: $0.text(1), units: $0.int(2))
        }
        return rows.reduce(into: [:]) { $0[$1.cart, default: [:]][$1.sku] = $1.units }
    }

    private static func ledger(in world: ShopWorld) async throws -> [LedgerLine] {
        try await read(
            "payments",
            in: world,
            "SELECT journal, account, currency, debit, credit FROM audit_ledger ORDER BY journal, line"
        ) {
            try LedgerLine(
                journal: $0.text(0),
                account: $0.text(1),
                currency: $0.text(2),
                debit: $0.int64(3),
                credit: $0.int64(4)
            )
        }
    }

    /// The backlog of each group.
    private static func waiting(in world: ShopWorld) async throws -> [(group: String, events: Int)] {
        try await read(
            "eventlog",
            in: world,
            """
            SELECT group_name, SUM(published - acknowledged) FROM audit_log_groups
            GROUP BY group_name ORDER BY group_name
            """
        ) { try ($0.text(0), $0.int(1)) }.filter { $0.1 > 0 }
    }

    /// The number of unsent events; evaluates the invariants in the same transaction.
    private static func unsent(
        by name: String,
        in world: ShopWorld,
        checking invariants: [StoredInvariant]
    ) async throws -> (count: Int, violations: [Violation]) {
        guard let store = world.stores[name] else { return (0, []) }
        return try await store.inspect { (tx: borrowing SQLTransaction) in
            let rows = try tx.run("SELECT COUNT(*) FROM audit_outbox WHERE sent_at IS NULL")
            let violations = try Violation.found(by: invariants, in: tx)
            return try (count: rows.first?.int(0) ?? 0, violations: violations)
        }
    }

    private static func count(_ name: String, in world: ShopWorld, _ query: SQLQuery) async throws -> Int {
        try await read(name, in: world, query) { try $0.int(0) }.first ?? 0
    }

    private static func read<R: Sendable>(
        _ name: String,
        in world: ShopWorld,
        _ query: SQLQuery,
        row: @escaping @Sendable (SQLRow) throws -> R
    ) async throws -> [R] {
        guard let store = world.stores[name] else { return [] }
        return try await store.inspect { (tx: borrowing SQLTransaction) in try tx.run(query).map(row) }
    }
}

extension StateSnapshot.Entry {
    /// - Parameter row: Topic, key, epoch, number and body.
    fileprivate init(_ row: SQLRow, from source: String) throws {
        try self.init(
            topic: row.text(0),
            key: row.text(1),
            source: source,
            epoch: row.int(2),
            sequence: row.int64(3),
            body: row.bytes(4)
        )
    }
}
