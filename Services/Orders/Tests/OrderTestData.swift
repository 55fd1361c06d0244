import MartletCore
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
        PricedLine(
            code: ExactText(code),
            name: "A \(code)",
            quantity: 1,
            priceNanos: pence * 10_000_000,
            isGoods: false
        )
    }
}

extension Placement {
    static func of(_ lines: [PricedLine]) throws -> Placement {
        try Placement(
            customerID: "alice",
            reference: nil,
            cartID: nil,
            cartRevision: nil,
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
