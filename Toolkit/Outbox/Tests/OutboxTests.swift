import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("Outbox")
struct OutboxTests {
    struct Refused: Error {}

    let fixture: OutboxFixture

    init() async throws { fixture = try await OutboxFixture() }

    private func numbers(of key: String) async throws -> [Int] {
        try await fixture.source.read { tx in
            try tx.run("SELECT sequence FROM outbox WHERE key = \(key) ORDER BY sequence").map { try $0.int(0) }
        }
    }

    @Test("numbers each key without gaps, despite rollbacks")
    func gapless() async throws {
        let source = fixture.source
        await withTaskGroup(of: Void.self) { group in
            for number in 1...60 {
                group.addTask {
                    _ = try? await source.transaction { tx in
                        for key in ["a", "b"] { try tx.append(.thing(key)) }
                        if number % 3 == 0 { throw Refused() }
                        try tx.append(.thing("a"))
                    }
                }
            }
        }
        #expect(try await numbers(of: "a") == Array(1...80))
        #expect(try await numbers(of: "b") == Array(1...40))
    }

    @Test("numbers the events of one transaction in the order in which they were appended")
    func order() async throws {
        try await fixture.source.transaction { tx in
            for text in ["first", "second", "third"] {
                try tx.append(OutgoingEvent(topic: "things", key: "k", body: Array(text.utf8)))
            }
        }
        let unsent = try await fixture.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(unsent.map { String(decoding: $0.body, as: UTF8.self) } == ["first", "second", "third"])
    }

    @Test("stores nothing of a transaction that fails")
    func rollback() async throws {
        await #expect(throws: Refused.self) {
            try await fixture.source.transaction { tx in
                try tx.append(.thing("k"))
                throw Refused()
            }
        }
        let unsent = try await fixture.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(unsent.isEmpty)
    }

    @Test("stores the trace of the request and the time of the database")
    func attributes() async throws {
        let trace = TraceContext.root(fixture.entropy, sampled: true)
        try await TraceContext.$current.withValue(trace) { try await fixture.commit(["k"]) }
        try await fixture.relay().drain()
        let delivery = try await fixture.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 1)
        #expect(delivery.map(\.event.traceparent) == [trace.traceparent])
        #expect(delivery.map(\.event.time) == [fixture.time.date])
        #expect(delivery.map(\.event.id) == ["test/1/things/k/1"])
    }

    @Test("clock jumps backwards: a key's times do not decrease, and relays send it in order")
    func clockJump() async throws {
        try await fixture.commit(["k"])
        fixture.time.jumpDate(by: .seconds(-3_600))
        try await fixture.commit(["k", "k"])
        try await fixture.relay { $0.batch = 1 }.drain()
        let deliveries = try await fixture.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 10)
        #expect(deliveries.map(\.event.sequence) == [1, 2, 3])
    }

    @Test("refuses an event over the limits, accepts one at the limits")
    func limits() async throws {
        let source = fixture.source
        func append(topic: Int = 1, key: Int = 1, body: Int = 1) async throws {
            try await source.transaction { tx in
                try tx.append(
                    OutgoingEvent(
                        topic: String(repeating: "t", count: topic),
                        key: String(repeating: "k", count: key),
                        body: Array(repeating: 0, count: body)
                    )
                )
            }
        }
        try await append(topic: TopicName.limit, key: Outbox.keyLimit, body: Outbox.bodyLimit)
        for topic in [0, TopicName.limit + 1] {
            await #expect(throws: Fault.self) { try await append(topic: topic) }
        }
        for (key, body) in [(0, 1), (Outbox.keyLimit + 1, 1), (1, Outbox.bodyLimit + 1)] {
            await #expect(throws: Fault.self) { try await append(key: key, body: body) }
        }
    }

    @Test("refuses an event on a topic with an invalid name", arguments: ["a/1", "a b", "ä"])
    func names(topic: String) async throws {
        await #expect(throws: Fault.self) {
            try await fixture.source.transaction { tx in
                try tx.append(OutgoingEvent(topic: topic, key: "k", body: []))
            }
        }
    }

    @Test("a new epoch starts the sequence numbers again at 1")
    func epoch() async throws {
        try await fixture.commit(["k", "k"])
        let entropy = fixture.entropy
        let epoch = try await fixture.source.transaction { tx in
            try Outbox.beginEpoch(after: nil, entropy, in: tx)
        }
        try await fixture.commit(["k"])
        try await fixture.relay().drain()
        let deliveries = try await fixture.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 10)
        #expect(deliveries.map { [$0.event.epoch, Int($0.event.sequence)] } == [[1, 1], [1, 2], [epoch, 1]])
    }

    @Test("purge removes only sent events that are past their retention")
    func purge() async throws {
        try await fixture.commit(["a"])
        try await fixture.relay().drain()
        try await fixture.commit(["b"])
        fixture.time.advance(by: Outbox.sentRetention)
        let sent = SentRetention(of: [TopicPlan("things")])
        let early = try await fixture.source.transaction { tx in try Outbox.purge(sent, in: tx) }
        fixture.time.advance(by: .seconds(1))
        let late = try await fixture.source.transaction { tx in try Outbox.purge(sent, in: tx) }
        #expect([early, late] == [0, 1])
        #expect(try await numbers(of: "b") == [1])
    }

    @Test("sent events stay as long as their topic declares: shorter or longer than others")
    func declaredRetention() async throws {
        for topic in ["short", "things", "very.long"] {
            try await fixture.source.transaction { tx in
                for _ in 0..<2 { try tx.append(OutgoingEvent(topic: topic, key: topic, body: [])) }
            }
        }
        try await fixture.relay().drain()
        let sent = SentRetention(
            of: [
                TopicPlan("short", retention: .seconds(3_600)), TopicPlan("things"),
                TopicPlan("very.long", retention: Outbox.sentRetention * 2),
            ]
        )
        var left: [[String]] = []
        for step in [Duration.seconds(3_601), Outbox.sentRetention, Outbox.sentRetention] {
            fixture.time.advance(by: step)
            let removed = try await fixture.source.transaction { tx in try Outbox.purge(sent, in: tx) }
            #expect(removed == 2)
            left.append(
                try await fixture.source.read { tx in
                    try tx.run("SELECT DISTINCT topic FROM outbox ORDER BY topic").map { try $0.text(0) }
                }
            )
        }
        #expect(left == [["things", "very.long"], ["very.long"], []])
    }
}
