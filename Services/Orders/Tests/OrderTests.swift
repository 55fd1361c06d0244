import Testing

@testable import Orders

@Suite("An order")
struct OrderTests {
    @Test("goes from pending over confirmed to completed, each step once")
    func life() throws {
        var order = try Order.pending(.mugs, .service("POST", pence: 400))
        let confirmed = try order.confirm()
        #expect(confirmed == [.stockReserved, .paymentAuthorised, .confirmed])
        order.take(confirmed)
        #expect(throws: OrderError.wrongState(.confirmed)) { try order.confirm() }

        let requested = try order.requestCapture()
        order.take(requested)
        #expect(throws: OrderError.wrongState(.confirmed)) { try order.requestCapture() }

        let completed = try order.complete(capturedMinorUnits: 910)
        #expect(completed == [.captured(minorUnits: 910), .completed])
        order.take(completed)
        #expect(order.status == .completed)
        #expect(order.capturedMinorUnits == 910)
        #expect(throws: OrderError.wrongState(.completed)) { try order.complete(capturedMinorUnits: 910) }
        #expect(throws: OrderError.wrongState(.completed)) { try order.giveUp(reason: "late") }
    }

    @Test("tells only what really happened to it")
    func withoutGoodsOrMoney() throws {
        let services = try Order.pending(.service("POST", pence: 400))
        #expect(try services.confirm() == [.paymentAuthorised, .confirmed])
        let gift = try Order.pending(.goods("gift", 1, pence: 0))
        #expect(try gift.confirm() == [.stockReserved, .confirmed])
        #expect(try Order.completed(.goods("gift", 1, pence: 0)).capturedMinorUnits == 0)
    }

    @Test("takes no step out of turn")
    func outOfTurn() throws {
        let pending = try Order.pending(.mugs)
        #expect(throws: OrderError.wrongState(.pending)) { try pending.requestCapture() }
        #expect(throws: OrderError.wrongState(.pending)) { try pending.complete(capturedMinorUnits: 1) }
        var confirmed = pending
        confirmed.take(try pending.confirm())
        #expect(throws: OrderError.wrongState(.confirmed)) { try confirmed.complete(capturedMinorUnits: 1) }
    }

    @Test("that is given up is rejected with the reason, and stays so")
    func rejected() throws {
        var order = try Order.pending(.mugs)
        order.take(try order.giveUp(reason: "inventory.insufficient_stock"))
        #expect(order.status == .rejected)
        #expect(order.reason == "inventory.insufficient_stock")
        #expect(throws: OrderError.wrongState(.rejected)) { try order.confirm() }
        #expect(throws: OrderError.wrongState(.rejected)) { try order.giveUp(reason: "again") }
        #expect(throws: OrderError.notCancellable(.rejected)) { try order.requestCancel(reason: "late") }
    }

    @Test("cancels before the capture is requested: the checkout's next step is refused")
    func cancelBefore() throws {
        let pending = try Order.pending(.mugs)
        var confirmed = pending
        confirmed.take(try pending.confirm())
        for before in [pending, confirmed] {
            var order = before
            let wish = try order.requestCancel(reason: "changed my mind")
            #expect(wish == [.cancelRequested(reason: "changed my mind")])
            order.take(wish)
            #expect(try order.requestCancel(reason: "again") == [])
            #expect(throws: OrderError.cancelWanted) {
                _ = before.status == .pending ? try order.confirm() : try order.requestCapture()
            }
            order.take(try order.giveUp(reason: "orders.cancelled"))
            #expect(order.status == .cancelled)
            #expect(order.reason == "changed my mind")
            #expect(try order.requestCancel(reason: "again") == [])
        }
    }

    @Test("refunds everything for a cancel after its completion, once")
    func cancelAfter() throws {
        var order = try Order.completed(.mugs, .service("POST", pence: 400))
        let events = try order.requestCancel(reason: "late")
        #expect(events.first == .cancelRequested(reason: "late"))
        #expect(events.refunds == [910])
        order.take(events)
        #expect(order.returnedUnits == [0: 2, 1: 1])
        #expect(try order.requestCancel(reason: "again") == [])
        order.take(order.finishReturn(Order.cancelReturnID))
        #expect(order.refundedMinorUnits == 910)
        #expect(try order.requestCancel(reason: "again") == [])
        #expect(throws: OrderError.self) { try order.takeBack(id: "r1", [ReturnWish(line: 0, code: "", quantity: 1)]) }
    }

    @Test("cannot be cancelled when units came back already")
    func cancelAfterReturn() throws {
        var order = try Order.completed(.mugs)
        order.take(try order.takeBack(id: "r1", [ReturnWish(line: nil, code: "mug", quantity: 1)]))
        #expect(throws: OrderError.notCancellable(.completed)) { try order.requestCancel(reason: "late") }
    }

    @Test("notes a cancel that comes between capture and completion for what follows")
    func cancelBetween() throws {
        var order = try Order.pending(.mugs)
        order.take(try order.confirm())
        order.take(try order.requestCapture())
        order.take(try order.requestCancel(reason: "late"))
        order.take(try order.complete(capturedMinorUnits: 510))
        #expect(order.status == .completed)
        #expect(order.returnEverything().refunds == [510])
    }
}
