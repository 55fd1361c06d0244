import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Retail

// Serialized: the plans come from one file.
@Suite("Replay reconciliation", .serialized)
struct ReconciliationTests {
    private let plan: InvoicePlan

    init() throws { plan = try InvoicesFixture.plan(["536365,A,2,1.00,1", "536366,A,3,1.00,2", "536367,A,1,1.00,3"]) }

    private func headline(
        _ reference: String,
        pence: Int64,
        status: OrderStatus,
        reason: String = ""
    ) -> OrderHeadline {
        .with {
            $0.orderID = "o\(reference)"
            $0.reference = reference
            $0.status = status
            $0.reason = reason
            $0.total = Money(pence, currency: "GBP")
            $0.captured = Money(status == .completed ? pence : 0, currency: "GBP")
        }
    }

    /// A shop that captured two pounds and rejected the other orders.
    private func scarceShop() -> ShopView {
        var shop = ShopView()
        shop.headlines = [
            headline("536365", pence: 200, status: .completed),
            headline("536366", pence: 300, status: .rejected, reason: "inventory.insufficient_stock"),
            headline("536367", pence: 100, status: .rejected, reason: "payments.declined"),
        ]
        shop.add("GBP", captured: 200)
        return shop
    }

    private func compare(_ shop: ShopView) -> Reconciliation {
        Reconciliation(plan, figures: plan.figures, shop: shop, isScarce: true)
    }

    @Test("reports rejected orders by origin and reason")
    func rejections() {
        let result = compare(scarceShop())
        #expect(
            result.rejections == [
                OrderRejections(by: "inventory", reason: "insufficient_stock", orders: 1),
                OrderRejections(by: "payments", reason: "declined", orders: 1),
            ]
        )
        #expect(result.remarks.contains("2 of 3 orders were not completed, as stock was scarce"))
        #expect(result.remarks.contains { $0.contains("whole or not at all") })
    }

    @Test("rejections: the most frequent reason first; free-text reasons of customers count as cancelled")
    func reasons() {
        let headlines = [
            headline("1", pence: 1, status: .cancelled, reason: "I changed my mind"),
            headline("2", pence: 1, status: .rejected, reason: "payments.declined"),
            headline("3", pence: 1, status: .cancelled, reason: "too slow"),
            headline("4", pence: 1, status: .completed),
            headline("5", pence: 1, status: .rejected), headline("6", pence: 1, status: .pending),
        ]
        #expect(
            OrderRejections.count(headlines) == [
                OrderRejections(by: "customer", reason: "cancelled", orders: 2),
                OrderRejections(by: "-", reason: "unknown", orders: 1),
                OrderRejections(by: "payments", reason: "declined", orders: 1),
            ]
        )
    }

    @Test("compares the ledger per currency: differences do not offset each other")
    func currencies() {
        var shop = scarceShop()
        let money = "ledger: sales"
        #expect(compare(shop).checks.filter { $0.what == money }.map(\.holds) == [true])

        shop.add("JPY", captured: 7_000)
        let both = compare(shop).checks.filter { $0.what.hasPrefix(money) }
        #expect(both.map(\.what) == ["ledger: sales (GBP)", "ledger: sales (JPY)"])
        #expect(both.allSatisfy { $0.holds })

        // 100 missing in one currency, 100 too many in the other.
        shop.provider.sums[0].providerCaptured -= 100
        shop.provider.sums[1].providerCaptured += 100
        let wrong = compare(shop).checks.filter { !$0.holds }.map(\.what)
        #expect(wrong.contains("provider: captured (GBP)"))
        #expect(wrong.contains("provider: captured (JPY)"))
    }

    @Test("a total in another currency is a difference")
    func totalsCurrency() {
        var shop = scarceShop()
        shop.headlines[0].total.currency = "EUR"
        let check = compare(shop).checks.first { $0.what == "orders with another total" }
        #expect(check?.found == "1")
    }
}

extension ShopView {
    /// Adds consistent sales and refunds in one currency to orders, ledger and provider.
    mutating func add(_ currency: String, captured: Int64, refunded: Int64 = 0) {
        summary.sums.append(
            .with {
                $0.currency = currency
                $0.captured = Money(captured, currency: currency)
                $0.refunded = Money(refunded, currency: currency)
            }
        )
        balance.accounts += [
            ("provider_clearing", captured, refunded), ("sales", 0, captured), ("refunds", refunded, 0),
        ].map { name, debits, credits in
            .with {
                $0.name = name
                $0.currency = currency
                $0.debits = debits
                $0.credits = credits
            }
        }
        balance.sums.append(
            .with {
                $0.currency = currency
                $0.debits = captured + refunded
                $0.credits = captured + refunded
            }
        )
        provider.sums.append(
            .with {
                $0.currency = currency
                $0.ourCaptured = captured
                $0.providerCaptured = captured
                $0.ourRefunded = refunded
                $0.providerRefunded = refunded
            }
        )
    }
}
