import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import OrdersContract
import Testing

@testable import Orders

@Suite("Order store")
struct OrderStoreTests {
    @Test("a change of an unknown order is refused, and nothing is stored")
    func unknown() async throws {
        let fixture = try await OrdersFixture()
        let orders = fixture.service.orders
        await #expect(throws: OrderError.unknownOrder("o1")) {
            try await fixture.database.transaction { tx in
                _ = try orders.change("o1", in: tx) { try $0.confirm() }
            }
        }
        let events = try await fixture.database.read { tx in try tx.run("SELECT 1 FROM audit_stream_events") }
        #expect(events.isEmpty)
    }

    @Test("an order without its row in the read model is an error, not an order of 1970")
    func missingSummary() async throws {
        let fixture = try await OrdersFixture()
        let id = try await fixture.place().orderID
        try await fixture.database.transaction { tx in try tx.run("DELETE FROM order_headlines") }
        #expect(await refusal { try await fixture.order(id) }?.code == .internal)
    }

    @Test("a status in the read model that cannot be read is an error")
    func unreadable() async throws {
        let fixture = try await OrdersFixture()
        _ = try await fixture.place()
        try await fixture.database.transaction { tx in try tx.run("UPDATE order_headlines SET status = 'lost'") }
        await #expect(throws: UnreadableRow(column: 0, value: .text("lost"), as: Orders.Order.Status.self)) {
            try await fixture.database.read { tx in try OrderSummary.sums(in: tx) }
        }
        #expect(await refusal { try await fixture.summary() }?.code == .internal)
    }
}
