import InventoryContract
import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import OrdersContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Reservations")
struct ReservationTests {
    let fixture: InventoryFixture

    init() async throws {
        fixture = try await InventoryFixture()
        try await fixture.receive("opening", ["mug": 5, "pen": 1])
    }

    @Test("all lines are reserved or none; only a reservation is published")
    func allOrNothing() async throws {
        let fault = await refusal { try await fixture.reserve("r1", ["mug": 2, "pen": 9]) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(try await fixture.publishedKinds("r1") == [])
        #expect(try await fixture.stock("mug").map(\.available) == [5])

        try await fixture.reserve("r1", ["mug": 2, "pen": 1])
        let moved = try await fixture.published().last
        #expect(moved?.kind == .reserved)
        #expect(moved?.changes.map(\.available) == [-2, -1])
        #expect(try await fixture.stock("mug").map(\.available) == [3])
        #expect(try await fixture.stock("mug").map(\.onHand) == [5])
    }

    @Test("a stored status that cannot be read is an error, not a released reservation")
    func unreadable() async throws {
        try await fixture.reserve("r1", ["mug": 2])
        try await fixture.database.transaction { tx in try tx.run("UPDATE reservations SET status = 'lent'") }
        let faults = [
            await refusal { try await fixture.confirm("r1") }, await refusal { try await fixture.release("r1") },
            await refusal { try await fixture.status("r1") },
        ]
        #expect(faults.map { $0?.code } == [.internal, .internal, .internal])
        #expect(try await fixture.stock("mug").map(\.available) == [3])
    }

    @Test("insufficient stock: each short SKU is a violation of its first line, up to a limit")
    func shortages() async throws {
        let fault = await refusal {
            try await fixture.reserve("r1", [("pen", 1), ("mug", 4), ("none", 3), ("mug", 4), ("pen", 1)])
        }
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(fault?.violations.map(\.field) == ["lines[0].sku", "lines[1].sku", "lines[2].sku"])
        #expect(
            fault?.violations.map(\.rule) == [
                "2 of pen requested, 1 available", "8 of mug requested, 5 available",
                "3 of none requested, 0 available",
            ]
        )
        let many = await refusal { try await fixture.reserve("r2", (0..<100).map { ("s\($0)", 1) }) }
        #expect(many?.violations.count == RuleCheck.violationsLimit)
        #expect(try await fixture.stock("mug").map(\.available) == [5])
    }

    @Test("a repeat is the same reservation with the same expiry")
    func repeated() async throws {
        let first = try await fixture.reserve("r1", ["mug": 1, "pen": 1], hold: 60)
        fixture.time.advance(by: .seconds(10))
        let second = try await fixture.reserve("r1", [("pen", 1), ("mug", 1)], hold: 60)
        #expect(first == second)
        #expect(first.expires == Google_Protobuf_Timestamp(fixture.time.date + .seconds(50)))
        #expect(try await fixture.publishedKinds("r1") == [.reserved])

        let fault = await refusal { try await fixture.reserve("r1", ["mug": 2, "pen": 1]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "inventory.reservation_mismatch")
        #expect(try await fixture.stock("mug").map(\.available) == [4])
    }

    @Test("lines with equal SKUs are added up")
    func equalSKUs() async throws {
        try await fixture.reserve("r1", [("mug", 2), ("mug", 3)])
        #expect(try await fixture.stock("mug").map(\.available) == [0])
        #expect(await refusal { try await fixture.reserve("r2", ["mug": 1]) }?.reason == "inventory.insufficient_stock")
    }

    @Test("units come from several warehouses and return to them")
    func warehouses() async throws {
        try await fixture.receive("east", ["mug": 2], warehouse: "east")
        try await fixture.reserve("r1", ["mug": 4])
        #expect(try await fixture.stock("mug").map(\.warehouse) == ["east", "main"])
        #expect(try await fixture.stock("mug").map(\.available) == [0, 3])
        try await fixture.release("r1")
        #expect(try await fixture.stock("mug").map(\.available) == [2, 5])
    }

    @Test("more lines than a statement takes are reserved, sold and returned in their warehouses", arguments: [25, 61])
    func manyLines(count: Int) async throws {
        let skus = (0..<count).map { "s\($0)" }
        for (warehouse, units) in [("east", 1), ("main", 500)] {
            let delivery = ReceiveRequest.with {
                $0.deliveryID = warehouse
                $0.kind = .purchase
                $0.warehouse = warehouse
                $0.lines = skus.map { sku in
                    .with {
                        $0.sku = sku
                        $0.quantity = UInt32(units)
                    }
                }
            }
            _ = try await fixture.client.receive(delivery, context: fixture.merchant)
        }
        // Line n takes n + 1 units, the first of them from the east.
        try await fixture.reserve("r1", skus.enumerated().map { ($1, UInt32($0 + 1)) })
        func levels() async throws -> [[Int64]] {
            var levels: [[Int64]] = []
            for sku in skus {
                levels.append(try await fixture.stock(sku).flatMap { [$0.available, $0.onHand, $0.sold] })
            }
            return levels
        }
        let units = (0..<Int64(count))
        #expect(try await levels() == units.map { [0, 1, 0, 500 - $0, 500, 0] })
        try await fixture.confirm("r1")
        #expect(try await levels() == units.map { [0, 0, 1, 500 - $0, 500 - $0, $0] })
        try await fixture.release("r1")
        #expect(try await levels() == units.map { _ in [1, 1, 0, 500, 500, 0] })
        #expect(try await fixture.publishedKinds("r1") == [.reserved, .confirmed, .released])
        #expect(try await fixture.stock("mug").map(\.available) == [5])
    }

    @Test("a confirmed reservation is a sale; a release undoes it")
    func sold() async throws {
        try await fixture.reserve("r1", ["mug": 2])
        try await fixture.confirm("r1")
        try await fixture.confirm("r1")
        let sold = try await fixture.stock("mug")
        #expect(sold.map(\.onHand) == [3])
        #expect(sold.map(\.sold) == [2])
        #expect(try await fixture.status("r1") == .confirmed)

        try await fixture.release("r1")
        try await fixture.release("r1")
        let back = try await fixture.stock("mug")
        #expect(back.map(\.onHand) == [5])
        #expect(back.map(\.available) == [5])
        #expect(back.map(\.sold) == [0])
        #expect(try await fixture.publishedKinds("r1") == [.reserved, .confirmed, .released])
    }

    @Test("an expired reservation is closed once and cannot be confirmed")
    func expiry() async throws {
        try await fixture.reserve("r1", ["mug": 2])
        try await fixture.reserve("r2", ["mug": 1], hold: 3600)
        try await fixture.reserve("r3", ["mug": 1])
        try await fixture.confirm("r3")
        fixture.time.advance(by: .seconds(899))
        try await fixture.expireDue()
        #expect(try await fixture.status("r1") == .held)

        fixture.time.advance(by: .seconds(1))
        try await fixture.expireDue()
        try await fixture.expireDue()
        #expect(try await fixture.status("r1") == .expired)
        #expect(try await fixture.status("r2") == .held)
        #expect(try await fixture.status("r3") == .confirmed)
        #expect(try await fixture.stock("mug").map(\.available) == [3])
        #expect(try await fixture.publishedKinds("r1") == [.reserved, .expired])
        #expect(await refusal { try await fixture.confirm("r1") }?.reason == "inventory.reservation_closed")
        // A late repeat does not reserve again.
        fixture.time.advance(by: .seconds(8 * 24 * 3_600))
        #expect(await refusal { try await fixture.reserve("r1", ["mug": 2]) }?.reason == "inventory.reservation_closed")
        try await fixture.confirm("r3")
        #expect(try await fixture.stock("mug").map(\.sold) == [1])
    }

    @Test("one run closes more than one batch of expired reservations")
    func manyExpire() async throws {
        let many = 2 * InventoryService.expiryBatch + 1
        try await fixture.receive("many", ["pin": UInt32(many)])
        for number in 1...many { try await fixture.reserve("r\(number)", ["pin": 1]) }
        #expect(try await fixture.stock("pin").map(\.available) == [0])
        fixture.time.advance(by: .seconds(900))
        try await fixture.expireDue()
        #expect(try await fixture.stock("pin").map(\.available) == [Int64(many)])
    }

    @Test("a reserve that arrives after its release reserves nothing")
    func overtaken() async throws {
        try await fixture.release("r1")
        let fault = await refusal { try await fixture.reserve("r1", ["mug": 1]) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.reservation_closed")
        #expect(try await fixture.publishedKinds("r1") == [])
        #expect(try await fixture.stock("mug").map(\.available) == [5])
        #expect(try await fixture.status("r1") == .released)
    }

    @Test("concurrent requests reserve the last unit once")
    func contention() async throws {
        let fixture = fixture
        let succeeded = await withTaskGroup(of: Bool.self) { group in
            for number in 1...20 {
                group.addTask { await refusal { try await fixture.reserve("r\(number)", ["pen": 1]) } == nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(succeeded == 1)
        #expect(try await fixture.stock("pen").map(\.available) == [0])
        #expect(try await fixture.published().count { $0.kind == .reserved } == 1)
    }

    @Test("a cancelled order releases its reservation, once per event")
    func cancelled() async throws {
        try await fixture.reserve("o1", ["mug": 5])
        let body = OrderChanged.with {
            $0.orderID = "o1"
            $0.kind = .cancelled
            $0.reservationID = "o1"
        }
        let decisions = try await deliver([body, body])
        #expect(decisions == [.handle, .duplicate])
        #expect(try await fixture.publishedKinds("o1") == [.reserved, .released])
        #expect(try await fixture.stock("mug").map(\.available) == [5])
    }

    @Test("other order events do not release")
    func otherEvents() async throws {
        try await fixture.reserve("o1", ["mug": 5])
        let confirmed = OrderChanged.with {
            $0.orderID = "o1"
            $0.kind = .confirmed
            $0.reservationID = "o1"
        }
        let withoutGoods = OrderChanged.with {
            $0.orderID = "o2"
            $0.kind = .rejected
        }
        _ = try await deliver([confirmed])
        _ = try await deliver([withoutGoods])
        #expect(try await fixture.status("o1") == .held)
        #expect(await refusal { try await fixture.status("o2") }?.reason == "inventory.unknown_reservation")
    }

    /// Delivers bodies of one key: the same body again is the same event again.
    private func deliver(_ bodies: [OrderChanged]) async throws -> [InboxDecision] {
        var decisions: [InboxDecision] = []
        for body in bodies {
            let outgoing = try MartletMessaging.OutgoingEvent(body, on: OrdersTopics.orders)
            let event = Envelope(
                id: "orders/1/\(outgoing.key)/1",
                source: "orders",
                epoch: 1,
                topic: outgoing.topic,
                key: outgoing.key,
                sequence: 1,
                time: fixture.time.date,
                traceparent: nil,
                body: outgoing.body
            )
            for subscription in fixture.service.subscriptions where subscription.topic == event.topic {
                decisions.append(try await subscription.deliver(event, on: fixture.database))
            }
        }
        return decisions
    }

    @Test("2,000 lines are the limit")
    func linesLimit() async throws {
        let lines = (1...2_000).map { ("bead\($0)", UInt32(1)) }
        for part in stride(from: 0, to: lines.count, by: 1_000) {
            let request = ReceiveRequest.with {
                $0.deliveryID = "beads\(part)"
                $0.kind = .purchase
                $0.lines = lines[part..<part + 1_000].map { line in
                    .with {
                        $0.sku = line.0
                        $0.quantity = 1
                    }
                }
            }
            _ = try await fixture.client.receive(request, context: fixture.merchant)
        }
        try await fixture.reserve("r1", lines)
        #expect(try await fixture.stock("bead2000").map(\.available) == [0])

        let fault = await refusal { try await fixture.reserve("r2", lines + [("mug", 1)]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["lines"])
        #expect(try await fixture.stock("mug").map(\.available) == [5])
    }

    @Test("a quantity out of range is refused with its field", arguments: [0, 100_001] as [UInt32])
    func quantities(quantity: UInt32) async throws {
        let fault = await refusal { try await fixture.reserve("r1", [("mug", 1), ("pen", quantity)]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["lines[1].quantity"])
    }

    @Test("a repeated idempotency key returns the stored response; another request is refused")
    func idempotencyKey() async throws {
        var context = fixture.merchant
        context.idempotencyKey = "k1"
        let first = try await fixture.reserve("r1", ["mug": 1], context: context)
        let second = try await fixture.reserve("r1", ["mug": 1], context: context)
        #expect(first == second)
        let fault = await refusal { try await fixture.reserve("r2", ["mug": 1], context: context) }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == .idempotencyKeyReused)
        #expect(try await fixture.stock("mug").map(\.available) == [4])
    }

    @Test(
        "a repeat with a key and one without are the same reservation, delivery and sale, in either order",
        arguments: [[true, false], [false, true], [false, false]]
    )
    func mixedCallers(keyed: [Bool]) async throws {
        var responses: [ReserveResponse] = []
        for (attempt, hasKey) in keyed.enumerated() {
            var context = fixture.merchant
            if hasKey { context.idempotencyKey = "reserve" }
            responses.append(try await fixture.reserve("r1", ["mug": 2], hold: 60, context: context))
            if hasKey { context.idempotencyKey = "confirm" }
            _ = try await fixture.client.confirm(.with { $0.reservationID = "r1" }, context: context)
            if hasKey { context.idempotencyKey = "receive" }
            let delivery = ReceiveRequest.with {
                $0.deliveryID = "return"
                $0.kind = .return
                $0.lines = [
                    .with {
                        $0.sku = "pen"
                        $0.quantity = 1
                    }
                ]
            }
            _ = try await fixture.client.receive(delivery, context: context)
            #expect(try await fixture.stock("mug").map(\.onHand) == [3], "attempt \(attempt)")
        }
        #expect(responses[0] == responses[1])
        #expect(try await fixture.stock("pen").map(\.available) == [2])
        #expect(try await fixture.publishedKinds("r1") == [.reserved, .confirmed])
    }

    @Test("the write scope is required")
    func scope() async throws {
        let reader = CallContext(principal: Principal(user: "r", scopes: ["inventory:read"]))
        let fault = await refusal { try await fixture.reserve("r1", ["mug": 1], context: reader) }
        #expect(fault?.code == .permissionDenied)
        let anonymous = await refusal { try await fixture.reserve("r1", ["mug": 1], context: CallContext()) }
        #expect(anonymous?.code == .unauthenticated)
    }
}
