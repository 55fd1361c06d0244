import InventoryContract
import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTesting
import OrdersContract
import SwiftProtobuf
import Testing

@testable import Inventory

@Suite("Named locks of stock")
struct StockLockTests {
    let fixture: InventoryFixture
    /// Those of `pen` and `mug`.
    let both: [ExactText] = ["stock/mug", "stock/pen"]

    init() async throws {
        fixture = try await InventoryFixture()
        try await fixture.receive("opening", ["pen": 5, "mug": 5])
    }

    @Test("what knows its SKUs takes their locks, sorted and each once")
    func known() async throws {
        try await fixture.reserve("r1", [("pen", 1), ("mug", 1), ("pen", 1)])
        _ = try await fixture.correct("c1", "pen", by: 1)
        #expect(fixture.locks(of: "request") == [both, both, ["stock/pen"]])
    }

    @Test("what does not know its SKUs reads them first: confirm and release")
    func read() async throws {
        try await fixture.reserve("r1", ["pen": 1, "mug": 1])
        try await fixture.reserve("r2", ["mug": 1])
        try await fixture.confirm("r1")
        try await fixture.release("r2")
        try await fixture.release("none")
        #expect(Array(fixture.locks(of: "request").suffix(3)) == [both, ["stock/mug"], []])
    }

    @Test("an expiry takes the locks of all reservations of its batch, and decides anew")
    func expiry() async throws {
        try await fixture.reserve("r1", ["pen": 1], hold: 60)
        try await fixture.reserve("r2", ["mug": 1], hold: 60)
        fixture.time.advance(by: .seconds(61))
        try await fixture.expireDue()
        #expect(fixture.locks(of: "expire reservations") == [both])
        try await fixture.expireDue()
        #expect(fixture.locks(of: "expire reservations") == [both, []])
        #expect(try await fixture.status("r1") == .expired)
    }

    @Test(
        "a reservation that expires after its names were read is not confirmed, and one that is confirmed not expired"
    )
    func changedMeanwhile() async throws {
        try await fixture.reserve("r1", ["pen": 2], hold: 60)
        try await fixture.reserve("r2", ["pen": 3], hold: 120)
        fixture.time.advance(by: .seconds(61))
        let fixture = fixture
        fixture.lockingDatabase.after(read: "request.locks") { try await fixture.expireDue() }
        #expect(await refusal { try await fixture.confirm("r1") } != nil)
        #expect(try await fixture.status("r1") == .expired)
        #expect(try await fixture.stock("pen").map(\.available) == [2])

        fixture.time.advance(by: .seconds(60))
        fixture.lockingDatabase.after(read: "expire reservations") { try await fixture.confirm("r2") }
        try await fixture.expireDue()
        #expect(try await fixture.status("r2") == .confirmed)
        #expect(try await fixture.stock("pen").map(\.available) == [2])
        #expect(try await fixture.stock("pen").map(\.onHand) == [2])
    }

    @Test("a subscription names the locks of an event; one that cannot be read has none")
    func events() async throws {
        try await fixture.reserve("o1", ["pen": 1, "mug": 1])
        let body = OrderChanged.with {
            $0.orderID = "o1"
            $0.kind = .cancelled
            $0.reservationID = "o1"
        }
        let subscription = try #require(fixture.service.subscriptions.first)
        let event = try Envelope.of(body, at: fixture.time.date)
        try await subscription.deliver(event, on: fixture.lockingDatabase)
        #expect(fixture.locks(of: "inbox.deliver") == [both])
        #expect(try await fixture.status("o1") == .released)

        let broken = Envelope(
            id: "orders/1/\(event.topic)/o2/1",
            source: event.source,
            epoch: event.epoch,
            topic: event.topic,
            key: "o2",
            sequence: 1,
            time: event.time,
            traceparent: nil,
            body: [0xFF]
        )
        await #expect(throws: (any Error).self) { try await subscription.deliver(broken, on: fixture.lockingDatabase) }
        #expect(fixture.locks(of: "inbox.deliver") == [both, []])
    }

    @Test("where the database takes no locks, no names are read")
    func unneeded() async throws {
        #expect(fixture.database.namedLocks == .notNeeded)
        let names = try await fixture.database.lockNames("names", deadline: nil) { _ in
            Issue.record("the names were read")
            return ["a"]
        }
        #expect(names.isEmpty)
    }
}

extension Envelope {
    /// The first event of an order.
    fileprivate static func of(_ body: OrderChanged, at date: Timestamp) throws -> Envelope {
        let outgoing = try OutgoingEvent(body, on: OrdersTopics.orders)
        return Envelope(
            id: "orders/1/\(outgoing.key)/1",
            source: "orders",
            epoch: 1,
            topic: outgoing.topic,
            key: outgoing.key,
            sequence: 1,
            time: date,
            traceparent: nil,
            body: outgoing.body
        )
    }
}
