import MartletCore
import Testing

@testable import ShopSimulation

@Suite("Many days")
struct LongRunTests {
    @Test("rows past their retention are deleted, and what is permanent grows with the orders")
    func sizes() throws {
        let (days, orders) = (12, 3)
        let sizes = try ShopSimulation(points: []).sizes(afterDays: days, ordersPerDay: orders, seed: 1)
        func rows(_ service: String, _ table: String) throws -> Int {
            try #require(
                sizes.first { ExactText($0.service) == ExactText(service) && ExactText($0.table) == ExactText(table) }
            ).rows
        }
        #expect(try rows("orders", "order_headlines") == days * orders)
        #expect(try rows("payments", "payments") == days * orders)
        #expect(try rows("carts", "outbox_keys") == days * orders)
        // Two days of events and keys, and a week of responses, at most.
        let ordersInWeek = 8 * orders
        #expect(try rows("provider", "keys") <= 3 * 3 * orders)
        #expect(try rows("orders", "idempotency") <= 2 * ordersInWeek)
        #expect(try rows("orders", "outbox") < rows("orders", "es_events") / 2)
        #expect(try rows("eventlog", "log_events") > 0)
    }

    @Test("a group that never returns keeps the log for its limit, and what it has lost is booked")
    func abandonedGroup() throws {
        let sizes = try ShopSimulation(points: []).sizes(afterDays: 45, ordersPerDay: 1, seed: 1)
        func rows(_ table: String) throws -> Int {
            try #require(sizes.first { $0.service == "eventlog" && $0.table == table }).rows
        }
        #expect(try rows("log_losses") > 0)
        #expect(try rows("log_groups") > 1)
    }
}
