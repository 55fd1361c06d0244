import InventoryContract
import MartletContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletTesting
import OrdersContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Reservations, with their real tables")
struct ReservationTests {
    let world: InventoryWorld

    init() async throws {
        world = try await InventoryWorld()
        try await world.receive("opening", ["mug": 5, "pen": 1])
    }

    @Test("hold all lines or none, and publish only what was kept")
    func allOrNothing() async throws {
        let fault = await refusal { try await world.reserve("r1", ["mug": 2, "pen": 9]) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(try await world.told("r1") == [])
        #expect(try await world.stock("mug").map(\.available) == [5])

        try await world.reserve("r1", ["mug": 2, "pen": 1])
        let moved = try await world.published().last
        #expect(moved?.kind == .reserved)
        #expect(moved?.changes.map(\.available) == [-2, -1])
        #expect(try await world.stock("mug").map(\.available) == [3])
        #expect(try await world.stock("mug").map(\.onHand) == [5])
    }

    @Test("that find too little name each SKU that is short by its first line, so many at most")
    func short() async throws {
        let fault = await refusal {
            try await world.reserve("r1", [("pen", 1), ("mug", 4), ("none", 3), ("mug", 4), ("pen", 1)])
        }
        #expect(fault?.reason == "inventory.insufficient_stock")
        #expect(fault?.violations.map(\.field) == ["lines[0].sku", "lines[1].sku", "lines[2].sku"])
        #expect(
            fault?.violations.map(\.rule) == [
                "2 of pen wanted, 1 available", "8 of mug wanted, 5 available", "3 of none wanted, 0 available",
            ]
        )
        let many = await refusal { try await world.reserve("r2", (0..<100).map { ("s\($0)", 1) }) }
        #expect(many?.violations.count == RuleCheck.violationsLimit)
        #expect(try await world.stock("mug").map(\.available) == [5])
    }

    @Test("are the same promise when they are repeated, with the same end")
    func repeated() async throws {
        let first = try await world.reserve("r1", ["mug": 1, "pen": 1], hold: 60)
        world.time.advance(by: .seconds(10))
        let second = try await world.reserve("r1", [("pen", 1), ("mug", 1)], hold: 60)
        #expect(first == second)
        #expect(first.expires == Google_Protobuf_Timestamp(world.time.date + .seconds(50)))
        #expect(try await world.told("r1") == [.reserved])

        let fault = await refusal { try await world.reserve("r1", ["mug": 2, "pen": 1]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "inventory.reservation_mismatch")
        #expect(try await world.stock("mug").map(\.available) == [4])
    }

    @Test("add equal SKUs up")
    func equalSKUs() async throws {
        try await world.reserve("r1", [("mug", 2), ("mug", 3)])
        #expect(try await world.stock("mug").map(\.available) == [0])
        #expect(await refusal { try await world.reserve("r2", ["mug": 1]) }?.reason == "inventory.insufficient_stock")
    }

    @Test("take from several warehouses and give each its own back")
    func warehouses() async throws {
        try await world.receive("east", ["mug": 2], warehouse: "east")
        try await world.reserve("r1", ["mug": 4])
        #expect(try await world.stock("mug").map(\.warehouse) == ["east", "main"])
        #expect(try await world.stock("mug").map(\.available) == [0, 3])
        try await world.release("r1")
        #expect(try await world.stock("mug").map(\.available) == [2, 5])
    }

    @Test("become sales that count, and that a release undoes")
    func sold() async throws {
        try await world.reserve("r1", ["mug": 2])
        try await world.confirm("r1")
        try await world.confirm("r1")
        let sold = try await world.stock("mug")
        #expect(sold.map(\.onHand) == [3])
        #expect(sold.map(\.sold) == [2])
        #expect(try await world.standing("r1") == .confirmed)

        try await world.release("r1")
        try await world.release("r1")
        let back = try await world.stock("mug")
        #expect(back.map(\.onHand) == [5])
        #expect(back.map(\.available) == [5])
        #expect(back.map(\.sold) == [0])
        #expect(try await world.told("r1") == [.reserved, .confirmed, .released])
    }

    @Test("end when their time is over, once, and cannot be sold then")
    func expiry() async throws {
        try await world.reserve("r1", ["mug": 2])
        try await world.reserve("r2", ["mug": 1], hold: 3600)
        try await world.reserve("r3", ["mug": 1])
        try await world.confirm("r3")
        world.time.advance(by: .seconds(899))
        try await world.expireDue()
        #expect(try await world.standing("r1") == .held)

        world.time.advance(by: .seconds(1))
        try await world.expireDue()
        try await world.expireDue()
        #expect(try await world.standing("r1") == .expired)
        #expect(try await world.standing("r2") == .held)
        #expect(try await world.standing("r3") == .confirmed)
        #expect(try await world.stock("mug").map(\.available) == [3])
        #expect(try await world.told("r1") == [.reserved, .expired])
        #expect(await refusal { try await world.confirm("r1") }?.reason == "inventory.reservation_closed")
        // However late a repeat comes, it promises nothing anew.
        world.time.advance(by: .seconds(8 * 24 * 3_600))
        #expect(await refusal { try await world.reserve("r1", ["mug": 2]) }?.reason == "inventory.reservation_closed")
        try await world.confirm("r3")
        #expect(try await world.stock("mug").map(\.sold) == [1])
    }

    @Test("end in one run however many there are")
    func manyExpire() async throws {
        let many = 2 * InventoryService.expiryBatch + 1
        try await world.receive("many", ["pin": UInt32(many)])
        for number in 1...many { try await world.reserve("r\(number)", ["pin": 1]) }
        #expect(try await world.stock("pin").map(\.available) == [0])
        world.time.advance(by: .seconds(900))
        try await world.expireDue()
        #expect(try await world.stock("pin").map(\.available) == [Int64(many)])
    }

    @Test("may be overtaken by their release without losing stock")
    func overtaken() async throws {
        try await world.release("r1")
        let fault = await refusal { try await world.reserve("r1", ["mug": 1]) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "inventory.reservation_closed")
        #expect(try await world.told("r1") == [])
        #expect(try await world.stock("mug").map(\.available) == [5])
        #expect(try await world.standing("r1") == .released)
    }

    @Test("sell the last unit once, however many ask")
    func contention() async throws {
        let world = world
        let kept = await withTaskGroup(of: Bool.self) { group in
            for number in 1...20 {
                group.addTask { await refusal { try await world.reserve("r\(number)", ["pen": 1]) } == nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(kept == 1)
        #expect(try await world.stock("pen").map(\.available) == [0])
        #expect(try await world.published().count { $0.kind == .reserved } == 1)
    }

    @Test("are taken back with a cancelled order, once, however often it is told")
    func cancelled() async throws {
        try await world.reserve("o1", ["mug": 5])
        let body = OrderChanged.with {
            $0.orderID = "o1"
            $0.kind = .cancelled
            $0.reservationID = "o1"
        }
        let verdicts = try await deliver([body, body])
        #expect(verdicts == [.effect, .duplicate])
        #expect(try await world.told("o1") == [.reserved, .released])
        #expect(try await world.stock("mug").map(\.available) == [5])
    }

    @Test("stay when their order only moves on, or holds no goods")
    func otherEvents() async throws {
        try await world.reserve("o1", ["mug": 5])
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
        #expect(try await world.standing("o1") == .held)
        #expect(await refusal { try await world.standing("o2") }?.reason == "inventory.unknown_reservation")
    }

    /// Delivers bodies of one key: the same body again is the same event again.
    private func deliver(_ bodies: [OrderChanged]) async throws -> [InboxVerdict] {
        var verdicts: [InboxVerdict] = []
        for body in bodies {
            let message = try MartletMessaging.Message(body, on: OrdersTopics.orders)
            let event = Envelope(
                id: "orders/1/\(message.key)/1",
                source: "orders",
                epoch: 1,
                topic: message.topic,
                key: message.key,
                sequence: 1,
                time: world.time.date,
                traceparent: nil,
                body: message.body
            )
            for subscription in world.service.subscriptions where subscription.topic == event.topic {
                verdicts.append(try await subscription.deliver(event, on: world.database))
            }
        }
        return verdicts
    }

    @Test("have up to 2,000 lines and not one more")
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
            _ = try await world.client.receive(request, context: world.merchant)
        }
        try await world.reserve("r1", lines)
        #expect(try await world.stock("bead2000").map(\.available) == [0])

        let fault = await refusal { try await world.reserve("r2", lines + [("mug", 1)]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["lines"])
        #expect(try await world.stock("mug").map(\.available) == [5])
    }

    @Test("name the field of a quantity out of range", arguments: [0, 100_001] as [UInt32])
    func quantities(quantity: UInt32) async throws {
        let fault = await refusal { try await world.reserve("r1", [("mug", 1), ("pen", quantity)]) }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["lines[1].quantity"])
    }

    @Test("answer a repeated key as before, and refuse it for another request")
    func idempotencyKey() async throws {
        var context = world.merchant
        context.idempotencyKey = "k1"
        let first = try await world.reserve("r1", ["mug": 1], context: context)
        let second = try await world.reserve("r1", ["mug": 1], context: context)
        #expect(first == second)
        let fault = await refusal { try await world.reserve("r2", ["mug": 1], context: context) }
        #expect(fault?.code == .alreadyExists)
        #expect(fault?.reason == .idempotencyKeyReused)
        #expect(try await world.stock("mug").map(\.available) == [4])
    }

    @Test("need the scope to write")
    func scope() async throws {
        let reader = CallContext(principal: Principal(kind: .user, id: "r", scopes: ["inventory:read"]))
        let fault = await refusal { try await world.reserve("r1", ["mug": 1], context: reader) }
        #expect(fault?.code == .permissionDenied)
        let nobody = await refusal { try await world.reserve("r1", ["mug": 1], context: CallContext()) }
        #expect(nobody?.code == .unauthenticated)
    }
}
