import Testing

@testable import Orders

@Suite("Order stream")
struct OrderStreamTests {
    @Test("there is no order before the event `placed`; the events after it change the order")
    func fold() throws {
        var stream = OrderStream(id: "o1")
        stream.apply(.confirmed)
        #expect(stream == .new(id: "o1"))
        let placement = try Placement.of([.mugs])
        stream.apply(.placed(placement))
        #expect(stream == .placed(Order(id: "o1", placement: placement)))
        stream.apply(.confirmed)
        guard case .placed(let order) = stream else { return #expect(Bool(false)) }
        #expect(order.status == .confirmed)
        #expect(order.placement == placement)
    }
}
