import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("Event types", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EventTypeTests {
    private static let thing = EventType("test.Thing", contentType: "text/plain")
    private static let other = EventType("test.Other", contentType: "text/plain")

    let fixture: OutboxFixture
    let handler = FaultyHandler()

    init() async throws { fixture = try await OutboxFixture() }

    private func received(_ count: Int) async throws -> [Envelope] {
        let member = try await fixture.bus.join(topic: "things", group: "all", start: .earliest)
        var events: [Envelope] = []
        while events.count < count { events += try await member.receive(limit: 10).map(\.event) }
        return events
    }

    @Test("an event is published with the type of its topic")
    func published() async throws {
        try await fixture.source.transaction { tx in try tx.publish("a", on: .things) }
        let unsent = try await fixture.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(unsent.map(\.type) == [Self.thing])
        try await fixture.relay().drain()
        #expect(try await received(1).map(\.type) == [Self.thing])
    }

    @Test("a row of before events had types is published without one, and handled as its topic's type")
    func old() async throws {
        try await fixture.commit(["a"])
        try await fixture.source.transaction { tx in
            try tx.run("UPDATE outbox SET type = NULL, content_type = NULL")
        }
        try await fixture.relay().drain()
        let events = try await received(1)
        #expect(events.map(\.type) == [nil])
        #expect(try await handler.subscription().deliver(events[0], on: fixture.target) == .handle)
        #expect(try await fixture.effects(of: "a") == [1])
    }

    @Test(
        "an event of another type, or in another encoding, fails without being decoded",
        arguments: [other, EventType("test.Thing"), EventType("TEST.Thing", contentType: "text/plain")]
    )
    func unknown(_ type: EventType) async throws {
        let event = Envelope.numbered(1, of: "a", type: type)
        await #expect(throws: UnknownEventType(type, on: "things")) {
            try await handler.subscription().deliver(event, on: fixture.target)
        }
        #expect(try await fixture.effects(of: "a").isEmpty)
    }

    @Test("an event of another type is parked with its type, and an edited body is of the topic's type")
    func parked() async throws {
        let subscription = handler.subscription()
        let event = Envelope.numbered(1, of: "a", type: Self.other)
        try await fixture.target.transaction { tx in
            _ = try Inbox(subscription).park(event, error: "unknown type", attempts: 5, in: tx)
        }
        func stored() async throws -> Envelope? {
            try await fixture.target.read { tx in
                try ParkedMessages.list(group: "g", topic: "things", key: "a", in: tx).first?.event
            }
        }
        #expect(try await stored() == event)
        let isEdited = try await fixture.target.transaction { tx in
            try ParkedMessages.edit(group: "g", topic: "things", id: event.id, body: Array("a".utf8), in: tx)
        }
        #expect(isEdited)
        #expect(try await stored()?.type == nil)
    }
}
