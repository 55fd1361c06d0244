import MartletCore
import MartletEventSourcing
import MartletHost
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import Orders

/// Orders of an earlier version, whose events and read model have what customers wrote.
@Suite("Moving what customers wrote")
struct CustomerTextMigrationTests {
    private static let words = "it is for my neighbour Ms Smith"
    private static let day = Duration.seconds(24 * 3_600)

    private let time = ManualTime()
    private let database: SQLiteDatabase

    init() async throws {
        database = try SQLiteDatabase.inMemory(time: time)
        let all = ServiceRuntime.migrations(of: OrdersService.self)
        try await database.migrate(
            all.filter { $0.module != "orders" || $0.number < 4 }
                .filter { $0.module != "orders.audit" || $0.number < 2 }
        )
    }

    /// An order with events of schema 1, as the earlier version stored them.
    private func plant(
        _ id: String,
        _ status: String,
        reason: String,
        events: [(type: String, body: String)]
    ) async throws {
        try await database.transaction { tx in
            let placement = Placement(
                customerID: "alice",
                reference: nil,
                cartID: nil,
                cartRevision: nil,
                cartVersion: nil,
                currency: "GBP",
                lines: [.mugs],
                totalMinorUnits: 510
            )
            let placed = (type: "placed", body: try StoredJSON.text(OrderEvent.placed(placement)))
            let stored = ([placed] + events).map { NewEvent(type: $0.type, schema: 1, body: $0.body) }
            try EventStore(projections: [], upcasters: []).append(stored, to: id, expected: 0, in: tx)
            try tx.run(
                """
                INSERT INTO order_headlines (order_id, status, customer_id, currency, total, captured, refunded,
                    returns, open_returns, placed_at, reason)
                VALUES (\(id), \(status), 'alice', 'GBP', 510, 0, 0, 0, 0, \(tx.date.microseconds), \(reason))
                """
            )
        }
    }

    private func plantCancelled(_ id: String, reason: String) async throws {
        try await plant(
            id,
            "cancelled",
            reason: reason,
            events: [
                ("cancel_requested", #"{"cancelRequested":{"reason":"\#(reason)"}}"#),
                ("cancelled", #"{"cancelled":{"reason":"\#(reason)"}}"#),
            ]
        )
    }

    private func migrate() async throws {
        try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
    }

    private func order(_ id: String) async throws -> Orders.Order {
        try await database.read { tx in
            let store = EventStore(projections: [], upcasters: OrderEvent.upcasters)
            guard case .placed(let order) = try store.state(OrderStream.self, of: id, in: tx).state else {
                throw OrderError.unknownOrder(id)
            }
            return order
        }
    }

    private func text(_ id: String) async throws -> String? {
        let order = try await order(id)
        return try await database.read { tx in try CustomerTexts.text(order.cancelTextID, in: tx) }
    }

    private func tables() async throws -> [String] {
        try await database.read { tx in try StoredTextSearch.tables(containing: Self.words, in: tx) }
    }

    @Test("a text moves out of the stream and the read model, which have its id; the order's state is the same")
    func moved() async throws {
        try await plantCancelled("o1", reason: Self.words)
        #expect(try await tables() == ["es_events", "order_headlines"])
        try await migrate()
        #expect(try await tables() == ["customer_texts"])
        let order = try await order("o1")
        #expect(order.status == .cancelled)
        #expect(order.isCancelRequested)
        #expect(order.cancelTextID == "o1/cancel")
        #expect(try await text("o1") == Self.words)
        let listed = try await database.read { tx in
            try OrderSummary.list(customerID: "alice", status: nil, before: (.max, ""), limit: 1, in: tx)
        }
        #expect(listed.map(\.reason) == [Self.words])
        // It is deleted as long after it was written as any other.
        time.advance(by: CustomerTexts.retention + .seconds(1))
        _ = try await database.transaction { tx in try CustomerTexts.purge(in: tx) }
        #expect(try await tables() == [])
        #expect(try await text("o1") == nil)
    }

    @Test("a text that is older than its retention is not shown, and the job deletes it")
    func old() async throws {
        try await plantCancelled("o1", reason: Self.words)
        time.advance(by: CustomerTexts.retention + Self.day)
        try await plantCancelled("o2", reason: "")
        try await migrate()
        #expect(try await text("o1") == nil)
        #expect(try await tables() == ["customer_texts"])
        _ = try await database.transaction { tx in try CustomerTexts.purge(in: tx) }
        #expect(try await tables() == [])
        #expect(try await order("o1").status == .cancelled)
        #expect(try await text("o1") == nil)
        #expect(try await order("o2").cancelTextID == nil)
    }

    @Test("a text is kept when another event has a time far ahead, as of a clock that was wrong")
    func clockAhead() async throws {
        try await plantCancelled("o1", reason: Self.words)
        let ahead = CustomerTexts.retention + Self.day
        time.jumpDate(by: ahead)
        try await plantCancelled("o2", reason: "")
        time.jumpDate(by: .zero - ahead)
        try await migrate()
        #expect(try await text("o1") == Self.words)
    }

    @Test("an open request, one that became a refund, and the reason of a rejection")
    func others() async throws {
        let request = (type: "cancel_requested", body: #"{"cancelRequested":{"reason":"\#(Self.words)"}}"#)
        try await plant("o1", "pending", reason: "", events: [request])
        try await plant("o2", "completed", reason: "", events: [request, ("completed", #"{"completed":{}}"#)])
        let code = "payments.declined"
        try await plant("o3", "rejected", reason: code, events: [("rejected", #"{"rejected":{"reason":"\#(code)"}}"#)])
        try await migrate()
        #expect(try await tables() == ["customer_texts"])
        #expect(try await text("o1") == Self.words)
        #expect(try await text("o2") == Self.words)
        #expect(try await order("o1").abort(reason: "orders.cancelled") == [.cancelled(textID: "o1/cancel")])
        #expect(try await order("o3").reason == code)
        let rejections = try await database.read { tx in try OrderSummary.rejections(in: tx) }
        #expect(rejections.map { $0.reason } == [code])
    }

    @Test("the read model that is rebuilt from an old stream equals the moved one")
    func rebuilt() async throws {
        try await plantCancelled("o1", reason: Self.words)
        try await plantCancelled("o2", reason: "")
        try await migrate()
        func rows() async throws -> [SQLRow] {
            try await database.read { tx in
                try tx.run("SELECT order_id, status, reason, reason_text_id FROM order_headlines ORDER BY order_id")
            }
        }
        let before = try await rows()
        try await database.transaction { tx in
            try EventStore(projections: [OrderSummary.projection], upcasters: OrderEvent.upcasters).replayAll(in: tx)
        }
        #expect(try await rows() == before)
    }

    @Test("an event of schema 1 with a text is read without it", arguments: ["cancel_requested", "cancelled"])
    func upcasted(type: String) async throws {
        let name = type == "cancelled" ? "cancelled" : "cancelRequested"
        try await migrate()
        try await plant("o1", "pending", reason: "", events: [(type, #"{"\#(name)":{"reason":"\#(Self.words)"}}"#)])
        let stored = try await database.read { tx in
            try EventStore(projections: [], upcasters: OrderEvent.upcasters).load("o1", from: 2, in: tx)
        }
        #expect(stored.map(\.body) == [#"{"\#(name)":{}}"#])
        #expect(stored.map(\.schema) == [2])
    }
}
