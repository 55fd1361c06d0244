import MartletContract
import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

/// Customers and SKUs whose names `String` takes for equal.
@Suite("Names that look alike")
struct LookAlikeTests {
    let fixture: OrdersFixture
    private let kim = OrdersFixture.user("Kim")
    private let kelvin = OrdersFixture.user("\u{212A}im")

    init() async throws { fixture = try await OrdersFixture() }

    @Test("a customer neither reads, cancels nor returns another's order, and does not list it")
    func owners() async throws {
        let id = try await fixture.place(by: kim).orderID
        try await fixture.runUntilIdle()
        let faults = [
            await refusal { try await fixture.order(id, by: kelvin) },
            await refusal { try await fixture.timeline(id, by: kelvin) },
            await refusal { try await fixture.cancel(id, by: kelvin) },
            await refusal { try await fixture.returnUnits(of: id, as: "r1", ["mug": 1], by: kelvin) },
        ]
        for fault in faults { #expect(fault?.reason == "orders.unknown_order") }
        #expect(try await fixture.order(id, by: kim).status == .completed)
        func list(_ context: CallContext) async throws -> [String] {
            try await fixture.client.listOrders(ListOrdersRequest(), context: context).orders.map(\.orderID)
        }
        #expect(try await list(kim) == [id])
        #expect(try await list(kelvin) == [])
    }

    @Test("an order of two SKUs that look alike costs the price of each, in any order")
    func prices() async throws {
        let (composed, decomposed) = ("CAF\u{C9}", "CAFE\u{301}")
        fixture.catalog.set(composed, pence: 1_000)
        fixture.catalog.set(decomposed, pence: 100)
        for lines in [[composed, decomposed], [decomposed, composed]] {
            let request = PlaceOrderRequest.with {
                $0.paymentMethod = "pm_test_ok"
                $0.lines = lines.map { sku in
                    .with {
                        $0.sku = sku
                        $0.quantity = 1
                    }
                }
            }
            let order = try await fixture.client.placeOrder(request, context: fixture.alice).order
            #expect(order.total.minorUnits == 1_100)
            #expect(order.lines.map { Array($0.sku.utf8) } == lines.map { Array($0.utf8) })
        }
    }

    @Test("goods are reserved, and units returned, by the bytes of their SKU")
    func goods() throws {
        let (composed, decomposed) = ("CAF\u{C9}", "CAFE\u{301}")
        let order = try Order.completed(.goods(composed, 2, pence: 100), .goods(decomposed, 1, pence: 10))
        #expect(order.goods == [ExactText(composed): 2, ExactText(decomposed): 1])
        let item = ReturnItem(line: nil, code: decomposed, quantity: 2)
        #expect(throws: OrderError.returnExceedsOrder(item, left: 1)) { try order.requestReturn(id: "r1", [item]) }
    }

    @Test("an agreed order under a known reference with another customer, or another SKU, is refused")
    func agreed() async throws {
        func place(_ customer: String, _ sku: String) async throws -> String {
            let request = PlaceAgreedOrderRequest.with {
                $0.reference = "R"
                $0.customerID = customer
                $0.paymentMethod = "pm_test_ok"
                $0.lines = [
                    .with {
                        $0.sku = sku
                        $0.quantity = 1
                        $0.unitPrice = UnitPrice(Amount(nanos: 1_000_000_000), currency: "GBP")
                    }
                ]
            }
            return try await fixture.client.placeAgreedOrder(request, context: fixture.merchant).order.orderID
        }
        let id = try await place("Kim", "CAF\u{C9}")
        #expect(try await place("Kim", "CAF\u{C9}") == id)
        for (customer, sku) in [("\u{212A}im", "CAF\u{C9}"), ("Kim", "CAFE\u{301}")] {
            #expect(await refusal { try await place(customer, sku) }?.reason == "orders.reference_taken")
        }
    }

    @Test("an agreed price of two signs, and a currency that does not exist, are refused by name")
    func agreedPrices() async throws {
        func fault(_ currency: String, units: Int64, nanos: Int32) async -> Fault? {
            let request = PlaceAgreedOrderRequest.with {
                $0.reference = "R"
                $0.customerID = "Kim"
                $0.paymentMethod = "pm_test_ok"
                $0.lines = [
                    .with {
                        $0.sku = "mug"
                        $0.quantity = 1
                        $0.unitPrice.currency = currency
                        $0.unitPrice.units = units
                        $0.unitPrice.nanos = nanos
                    }
                ]
            }
            return await refusal { try await fixture.client.placeAgreedOrder(request, context: fixture.merchant) }
        }
        #expect(await fault("GPB", units: 1, nanos: 0)?.violations.map(\.field) == ["lines[0].unit_price.currency"])
        #expect(await fault("GBP", units: 1, nanos: -1)?.violations.map(\.field) == ["lines[0].unit_price.nanos"])
    }
}
