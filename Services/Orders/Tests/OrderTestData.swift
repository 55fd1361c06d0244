import MartletCore
import MartletTesting
import SharedContract

@testable import Orders

/// Test data for the domain's tests.
extension PricedLine {
    static let mugs = PricedLine.goods("mug", 2, pence: 255)

    static func goods(_ code: String, _ quantity: Int, pence: Int64) -> PricedLine {
        goods(code, quantity, nanos: pence * 10_000_000)
    }

    static func goods(_ code: String, _ quantity: Int, nanos: Int64) -> PricedLine {
        PricedLine(code: ExactText(code), name: "A \(code)", quantity: quantity, priceNanos: nanos, isGoods: true)
    }

    static func service(_ code: String, pence: Int64) -> PricedLine {
        discount(code, 1, nanos: pence * 10_000_000)
    }

    static func discount(_ code: String, _ quantity: Int, nanos: Int64) -> PricedLine {
        PricedLine(code: ExactText(code), name: "A \(code)", quantity: quantity, priceNanos: nanos, isGoods: false)
    }

    /// Up to six lines of up to three codes, with discounts on codes and on everything among them.
    ///
    /// Prices are between nothing and 15 pence, in quarters of a penny, or have all nine decimals.
    static func basket(_ chance: SeededEntropy, discounts: UInt64) -> [PricedLine] {
        var lines = (0...chance.number(below: 5)).map { _ in
            let price = Int64(chance.number(below: 60)) * (chance.next() % 2 == 0 ? 2_500_000 : 1_234_567)
            return PricedLine.goods("s\(chance.number(below: 3))", Int(chance.number(below: 7)) + 1, nanos: price)
        }
        for _ in 0..<discounts {
            let left = lines.reduce(Amount.zero) { $0 + $1.value }
            let count = Int64(chance.number(below: 3)) + 1
            let off = Int64(chance.number(below: UInt64(left.nanos) + 1)) / count
            let code = ["s0", "s1", "D"][Int(chance.number(below: 3))]
            let index = Int(chance.number(below: UInt64(lines.count) + 1))
            lines.insert(.discount(code, Int(count), nanos: -off), at: index)
        }
        return lines
    }
}

extension Placement {
    static func of(_ lines: [PricedLine]) throws -> Placement {
        try Placement(
            customerID: "alice",
            reference: nil,
            cart: nil,
            currency: "GBP",
            lines: lines
        )
    }
}

extension Order {
    mutating func apply(_ events: [OrderEvent]) {
        for event in events { apply(event) }
    }

    static func pending(_ lines: PricedLine...) throws -> Order { try pending(lines) }

    static func pending(_ lines: [PricedLine]) throws -> Order {
        Order(id: "o1", placement: try .of(lines))
    }

    static func completed(_ lines: PricedLine...) throws -> Order { try completed(lines) }

    static func completed(_ lines: [PricedLine]) throws -> Order {
        var order = try pending(lines)
        order.apply(try order.confirm())
        order.apply(try order.requestCapture())
        order.apply(try order.complete(capturedMinorUnits: order.placement.totalMinorUnits))
        return order
    }
}

extension [OrderEvent] {
    /// The refunds of the requested returns.
    var refunds: [Int64] {
        compactMap { event in
            if case .returnRequested(let orderReturn) = event { orderReturn.refundMinorUnits } else { nil }
        }
    }
}
