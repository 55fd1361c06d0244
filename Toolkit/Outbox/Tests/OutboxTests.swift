import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("The outbox")
struct OutboxTests {
    struct Refused: Error {}

    let pair: Pair

    init() async throws { pair = try await Pair() }

    private func numbers(of key: String) async throws -> [Int] {
        try await pair.source.read { tx in
            try tx.run("SELECT sequence FROM outbox WHERE key = \(key) ORDER BY sequence").map { $0.int(0) }
        }
    }

    @Test("numbers each key without gaps, whatever is rolled back between")
    func gapless() async throws {
        let source = pair.source
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
        try await pair.source.transaction { tx in
            for text in ["first", "second", "third"] {
                try tx.append(Message(topic: "things", key: "k", body: Array(text.utf8)))
            }
        }
        let kept = try await pair.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(kept.map { String(decoding: $0.body, as: UTF8.self) } == ["first", "second", "third"])
    }

    @Test("keeps nothing of a transaction that fails")
    func rollback() async throws {
        await #expect(throws: Refused.self) {
            try await pair.source.transaction { tx in
                try tx.append(.thing("k"))
                throw Refused()
            }
        }
        let kept = try await pair.source.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        #expect(kept.isEmpty)
    }

    @Test("notes the trace of the request and the time of the database")
    func attributes() async throws {
        let trace = TraceContext.root(pair.entropy)
        try await TraceContext.$current.withValue(trace) { try await pair.commit(["k"]) }
        try await pair.relay().drain()
        let delivery = try await pair.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 1)
        #expect(delivery.map(\.event.traceparent) == [trace.traceparent])
        #expect(delivery.map(\.event.time) == [pair.time.date])
        #expect(delivery.map(\.event.id) == ["test/1/things/k/1"])
    }

    @Test("lets a key's times never run backwards, so that relays keep its order when the clock jumps")
    func clockJump() async throws {
        try await pair.commit(["k"])
        pair.time.jumpDate(by: .seconds(-3_600))
        try await pair.commit(["k", "k"])
        try await pair.relay { $0.batch = 1 }.drain()
        let deliveries = try await pair.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 10)
        #expect(deliveries.map(\.event.sequence) == [1, 2, 3])
    }

    @Test("refuses an event over its limits, and takes one at them")
    func limits() async throws {
        let source = pair.source
        func append(topic: Int = 1, key: Int = 1, body: Int = 1) async throws {
            try await source.transaction { tx in
                try tx.append(
                    Message(
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

    @Test("refuses an event on a topic whose name is none", arguments: ["a/1", "a b", "ä"])
    func names(topic: String) async throws {
        await #expect(throws: Fault.self) {
            try await pair.source.transaction { tx in try tx.append(Message(topic: topic, key: "k", body: [])) }
        }
    }

    @Test("begins numbers anew in a new epoch")
    func epoch() async throws {
        try await pair.commit(["k", "k"])
        try await pair.source.transaction { tx in try Outbox.beginEpoch(in: tx) }
        try await pair.commit(["k"])
        try await pair.relay().drain()
        let deliveries = try await pair.bus.join(topic: "things", group: "g", start: .earliest).receive(limit: 10)
        #expect(deliveries.map { [$0.event.epoch, Int($0.event.sequence)] } == [[1, 1], [1, 2], [2, 1]])
    }

    @Test("removes what was sent when its retention is over, and nothing else")
    func purge() async throws {
        try await pair.commit(["a"])
        try await pair.relay().drain()
        try await pair.commit(["b"])
        pair.time.advance(by: Outbox.sentRetention)
        let early = try await pair.source.transaction { tx in try Outbox.purge(in: tx) }
        pair.time.advance(by: .seconds(1))
        let late = try await pair.source.transaction { tx in try Outbox.purge(in: tx) }
        #expect([early, late] == [0, 1])
        #expect(try await numbers(of: "b") == [1])
    }
}
