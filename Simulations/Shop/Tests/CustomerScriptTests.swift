import MartletTesting
import Testing

@testable import ShopSimulation

@Suite("Script of a customer")
struct CustomerScriptTests {
    /// Two units at £1.2345 and one at £1.2395.
    private static func script(discount: Int64, ofFirstLine: Bool) -> CustomerScript {
        CustomerScript(
            customer: "ann",
            kind: .agreed,
            lines: [2, 1].enumerated().map { line, units in
                .init(sku: "sku-\(line)", units: units, price: CustomerScript.price(.agreed, line: line, pence: 0))
            },
            paymentMethod: "pm_test_ok",
            arrival: .zero,
            postage: 0,
            discount: discount,
            isDiscountOfFirstLine: ofFirstLine,
            cancelDelay: nil,
            returns: [],
            callTimeout: .seconds(1)
        )
    }

    @Test("the first line bears a discount of its own alone, and one of the order with the others")
    func discounts() {
        let own = Self.script(discount: 100, ofFirstLine: true)
        #expect(own.expectedTotal() == 271)
        #expect([1, 2].map { own.expectedRefund(ofFirst: $0) } == [73, 147])
        let order = Self.script(discount: 100, ofFirstLine: false)
        #expect(order.expectedTotal() == 271)
        #expect([1, 2].map { order.expectedRefund(ofFirst: $0) } == [90, 180])
        // The other line bears what the first one is not worth.
        let large = Self.script(discount: 300, ofFirstLine: true)
        #expect(large.expectedTotal() == 71)
        #expect([1, 2].map { large.expectedRefund(ofFirst: $0) } == [0, 0])
    }

    @Test("a workload has discounts of both kinds")
    func workloads() {
        let scripts = Workload(orders: 100, entropy: SeededEntropy(seed: 1)).scripts
        let discounts = scripts.filter { $0.kind == .agreed && $0.discount > 0 }
        #expect(Set(discounts.map(\.isDiscountOfFirstLine)) == [true, false])
    }
}
