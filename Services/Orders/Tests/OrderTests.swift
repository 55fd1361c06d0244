import MartletCore
import Testing

@testable import Orders

@Suite("Order")
struct OrderTests {
    @Test("goes from pending through confirmed to completed, each step once")
    func statusChanges() throws {
        var order = try Order.pending(.mugs, .service("POST", pence: 400))
        let confirmed = try order.confirm()
        #expect(confirmed == [.stockReserved, .paymentAuthorised, .confirmed])
        order.apply(confirmed)
        #expect(throws: OrderError.wrongState(.confirmed)) { try order.confirm() }

        let requested = try order.requestCapture()
        order.apply(requested)
        #expect(throws: OrderError.wrongState(.confirmed)) { try order.requestCapture() }

        let completed = try order.complete(capturedMinorUnits: 910)
        #expect(completed == [.captured(minorUnits: 910), .completed])
        order.apply(completed)
        #expect(order.status == .completed)
        #expect(order.capturedMinorUnits == 910)
        #expect(throws: OrderError.wrongState(.completed)) { try order.complete(capturedMinorUnits: 910) }
        #expect(throws: OrderError.wrongState(.completed)) { try order.abort(reason: "late") }
    }

    @Test("has no stock event without goods and no payment event without money")
    func withoutGoodsOrMoney() throws {
        let services = try Order.pending(.service("POST", pence: 400))
        #expect(try services.confirm() == [.paymentAuthorised, .confirmed])
        let gift = try Order.pending(.goods("gift", 1, pence: 0))
        #expect(try gift.confirm() == [.stockReserved, .confirmed])
        #expect(try Order.completed(.goods("gift", 1, pence: 0)).capturedMinorUnits == 0)
    }

    @Test("refuses steps out of order")
    func outOfOrder() throws {
        let pending = try Order.pending(.mugs)
        #expect(throws: OrderError.wrongState(.pending)) { try pending.requestCapture() }
        #expect(throws: OrderError.wrongState(.pending)) { try pending.complete(capturedMinorUnits: 1) }
        var confirmed = pending
        confirmed.apply(try pending.confirm())
        #expect(throws: OrderError.wrongState(.confirmed)) { try confirmed.complete(capturedMinorUnits: 1) }
    }

    @Test("an aborted order is rejected with the reason, which is final")
    func rejected() throws {
        var order = try Order.pending(.mugs)
        order.apply(try order.abort(reason: "inventory.insufficient_stock"))
        #expect(order.status == .rejected)
        #expect(order.reason == "inventory.insufficient_stock")
        #expect(throws: OrderError.wrongState(.rejected)) { try order.confirm() }
        #expect(throws: OrderError.wrongState(.rejected)) { try order.abort(reason: "again") }
        #expect(throws: OrderError.notCancellable(.rejected)) { try order.requestCancel(textID: nil) }
    }

    @Test("a cancel before the capture request: the checkout's next step is refused")
    func cancelBefore() throws {
        let pending = try Order.pending(.mugs)
        var confirmed = pending
        confirmed.apply(try pending.confirm())
        for before in [pending, confirmed] {
            var order = before
            let events = try order.requestCancel(textID: "t1")
            #expect(events == [.cancelRequested(textID: "t1")])
            order.apply(events)
            #expect(try order.requestCancel(textID: "t2") == [])
            #expect(throws: OrderError.cancelRequested) {
                _ = before.status == .pending ? try order.confirm() : try order.requestCapture()
            }
            order.apply(try order.abort(reason: "orders.cancelled"))
            #expect(order.status == .cancelled)
            #expect(order.reason == nil)
            #expect(order.cancelTextID == "t1")
            #expect(try order.requestCancel(textID: "t2") == [])
        }
    }

    @Test("a cancel after the completion refunds everything, once")
    func cancelAfter() throws {
        var order = try Order.completed(.mugs, .service("POST", pence: 400))
        let events = try order.requestCancel(textID: nil)
        #expect(events.first == .cancelRequested(textID: nil))
        #expect(events.refunds == [910])
        order.apply(events)
        #expect(order.returnedUnits == [0: 2, 1: 1])
        #expect(try order.requestCancel(textID: "t2") == [])
        order.apply(order.finishReturn(Order.cancelReturnID))
        #expect(order.refundedMinorUnits == 910)
        #expect(try order.requestCancel(textID: "t2") == [])
        #expect(throws: OrderError.self) {
            try order.requestReturn(id: "r1", [ReturnItem(line: 0, code: nil, quantity: 1)])
        }
    }

    @Test("cannot be cancelled after a return")
    func cancelAfterReturn() throws {
        var order = try Order.completed(.mugs)
        order.apply(try order.requestReturn(id: "r1", [ReturnItem(line: nil, code: "mug", quantity: 1)]))
        #expect(throws: OrderError.notCancellable(.completed)) { try order.requestCancel(textID: nil) }
    }

    @Test("a cancel between capture request and completion allows a full refund")
    func cancelBetween() throws {
        var order = try Order.pending(.mugs)
        order.apply(try order.confirm())
        order.apply(try order.requestCapture())
        order.apply(try order.requestCancel(textID: nil))
        order.apply(try order.complete(capturedMinorUnits: 510))
        #expect(order.status == .completed)
        #expect(order.returnEverything().refunds == [510])
    }
}
