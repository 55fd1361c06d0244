import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Testing

@testable import MartletOutbox

/// Two keys that `String` takes for one: the letter K, and the Kelvin sign.
@Suite("Keys that look alike")
struct LookAlikeKeyTests {
    private static let keys = ["Kim", "\u{212A}im"]

    @Test("events of one transaction keep their own key and number")
    func outbox() async throws {
        let fixture = try await OutboxFixture()
        try await fixture.source.transaction { tx in
            for key in Self.keys { try tx.append(OutgoingEvent(topic: "things", key: key, body: Array(key.utf8))) }
        }
        let unsent = try await fixture.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(unsent.count == 2)
        for event in unsent { #expect(Array(event.key.utf8) == event.body) }
        let numbers = try await fixture.source.read { tx in
            try tx.run("SELECT sequence FROM outbox").map { try $0.int(0) }
        }
        #expect(numbers == [1, 1])
    }

    @Test("a failing event blocks its own key only")
    func failures() {
        var failures = KeyFailures()
        let start = Moment(nanoseconds: 0)
        let deliveries = Self.keys.map {
            Delivery(id: DeliveryID(partition: 0, offset: 1), event: .numbered(1, of: $0), attempt: 1)
        }
        _ = failures.failed(deliveries[0], at: start) { _ in .seconds(1) }
        #expect(failures.blocking(deliveries[0].event, at: start) != nil)
        #expect(failures.blocking(deliveries[1].event, at: start) == nil)
    }

    @Test("callers whose names look alike, or read alike with a blank, own different idempotency keys")
    func owners() {
        let principals = [
            Principal(user: "Kim", scopes: []), Principal(user: "\u{212A}im", scopes: []),
            Principal(service: "a", for: .user("b for c")),
            Principal(service: "a for b", for: .user("c")),
            Principal(service: "a%20for%20b", for: .user("c")),
        ]
        let owners = principals.compactMap { Idempotency.owner($0).map { ExactText($0) } }
        #expect(Set(owners).count == principals.count)
        #expect(
            Idempotency.owner(Principal(service: "parcels", for: .user("a b")))
                == "service parcels for a b"
        )
    }
}
