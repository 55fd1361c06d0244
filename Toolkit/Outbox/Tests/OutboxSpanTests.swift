import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("Spans of events", .timeLimit(.minutes(HangLimit.testMinutes)))
struct OutboxSpanTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()
    let spans: RecordedSpans

    init() async throws {
        fixture = try await OutboxFixture()
        spans = RecordedSpans(runtime: fixture.runtime)
    }

    private func consumer() async throws -> Consumer {
        Consumer(
            subscription: handler.subscription(),
            member: try await fixture.bus.join(topic: "things", group: "g", start: .earliest),
            database: fixture.target,
            runtime: fixture.runtime,
            limits: SubscriptionRunner.Limits(),
            keyFailures: KeyFailures(),
            group: nil
        )
    }

    @Test("append and publication are spans of the request's trace; handling is a trace of its own, linked to append")
    func connected() async throws {
        try await spans.within { try await fixture.commit(["a"]) }
        let committed = spans.take()
        let append = try #require(committed.first { $0.name == "append things" })
        let transaction = try #require(committed.first { $0.name.hasPrefix("transaction ") })
        #expect(append.kind == .producer)
        #expect(append.parent == transaction.trace.spanBits)
        #expect(transaction.parent == spans.caller.spanBits)
        #expect(transaction.text(.dbSystemName) == "sqlite")

        try await ServiceTracer.$current.withValue(spans.tracer) { try await fixture.relay().drain() }
        let publish = try #require(spans.take().first { $0.name == "publish things" })
        #expect(publish.parent == append.trace.spanBits)

        var consumer = try await consumer()
        try await ServiceTracer.$current.withValue(spans.tracer) { try await consumer.step() }
        let process = try #require(spans.take().first { $0.name == "process things" })
        #expect(process.kind == .consumer)
        #expect(process.links == [append.trace])
        #expect(process.parent == nil)
        #expect(process.trace.traceID != append.trace.traceID)
        #expect(process.text(.decision) == "handle")
        #expect(try await fixture.effects(of: "a") == [1])
    }

    @Test("what a rolled-back transaction has appended is no span")
    func rolledBack() async throws {
        struct Refused: Error {}
        await #expect(throws: Refused.self) {
            try await spans.within {
                try await fixture.source.transaction { tx in
                    try tx.append(.thing("a"))
                    throw Refused()
                }
            }
        }
        #expect(spans.take().map(\.isFailed) == [true])
    }

    @Test("a handler that fails has a failed span; the other events of the batch are undone, and handled again")
    func failed() async throws {
        handler.fail("a", at: 1)
        try await spans.within { try await fixture.commit(["a", "b"]) }
        try await fixture.relay().drain()
        _ = spans.take()
        var consumer = try await consumer()
        try await ServiceTracer.$current.withValue(spans.tracer) { try await consumer.step() }
        let processed = spans.take().filter { $0.name == "process things" }
        #expect(processed.map { $0.text(.decision) } == ["undone", "undone", "handle"])
        #expect(processed.map(\.isFailed) == [true, false, false])
    }

    @Test("a redriven event has a span of the redrive, linked to append; one that fails again is a failed span")
    func redriven() async throws {
        handler.fail("a", at: 1)
        try await spans.within { try await fixture.commit(["a", "a"]) }
        let appended = spans.take().filter { $0.name == "append things" }.map(\.trace)
        try await fixture.relay().drain()
        var consumer = try await consumer()
        while try await fixture.lag() > 0 {
            fixture.time.advance(by: .seconds(6))
            try await consumer.step()
        }
        #expect(try await redrive().map { $0.text(.decision) } == ["undone"])

        handler.recover()
        let ended = try await redrive()
        #expect(ended.map { $0.text(.decision) } == ["redriven", "redriven"])
        #expect(ended.map(\.links) == appended.map { [$0] })
        #expect(ended.allSatisfy { $0.kind == .consumer && $0.parent == nil && !$0.isFailed })
        #expect(try await fixture.effects(of: "a") == [1, 2])
    }

    /// The spans of a redrive of the key `a`.
    private func redrive() async throws -> [EndedSpan] {
        let isRequested = try await fixture.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        #expect(isRequested)
        let runner = SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
        _ = spans.take()
        try await ServiceTracer.$current.withValue(spans.tracer) { try await runner.redriveRequested() }
        return spans.take().filter { $0.name == "process things" }
    }

    @Test("one publication of several traces is a span in each of them")
    func batch() async throws {
        let other = RecordedSpans(runtime: fixture.runtime)
        try await spans.within { try await fixture.commit(["a"]) }
        try await other.within { try await fixture.commit(["b"]) }
        try await fixture.commit(["c"])
        _ = spans.take()
        try await ServiceTracer.$current.withValue(spans.tracer) { try await fixture.relay().drain() }
        let published = spans.take().filter { $0.name == "publish things" }
        #expect(
            Set(published.map { ExactText($0.trace.traceID) })
                == [ExactText(spans.caller.traceID), ExactText(other.caller.traceID)]
        )
    }

    @Test("without a tracer an event carries its request's place, and its handler appends in the same trace")
    func unrecorded() async throws {
        try await TraceContext.$current.withValue(spans.caller) { try await fixture.commit(["a"]) }
        let stored = try await fixture.source.read { tx in
            try tx.run("SELECT traceparent FROM outbox").map { try $0.text(0) }
        }
        #expect(stored == [spans.caller.traceparent])
        #expect(spans.take().isEmpty)
    }
}
