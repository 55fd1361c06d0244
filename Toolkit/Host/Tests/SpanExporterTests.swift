import MartletCore
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Span exporter", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SpanExporterTests {
    /// A collector that gives answers in turn, the last one for ever; `nil` fails.
    private final class Collector: Sendable {
        private let answers: Mutex<[SpanExporter.Answer?]>
        private let bodies = Mutex<[[UInt8]]>([])

        init(_ answers: [SpanExporter.Answer?]) { self.answers = Mutex(answers) }

        var requests: Int { bodies.withLock { $0.count } }

        func send(_ body: [UInt8]) throws -> SpanExporter.Answer {
            bodies.withLock { $0.append(body) }
            let answer = answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            guard let answer else { throw Fault(.unavailable, .unavailable, "away") }
            return answer
        }
    }

    private static func answer(_ status: Int, retryAfter: String? = nil, _ body: [UInt8] = []) -> SpanExporter.Answer {
        SpanExporter.Answer(status: status, retryAfter: retryAfter, body: body)
    }

    private let time = ManualTime()
    private let metrics: SpanMetrics
    private let buffer: SpanBuffer
    private let tracer: ServiceTracer

    init() {
        metrics = SpanMetrics(in: MetricsRegistry(service: "test"))
        buffer = SpanBuffer(limit: 20, batch: 10, dropped: metrics.overflowed)
        tracer = ServiceTracer(
            service: "test",
            runtime: Runtime(time: time, seed: 1),
            sampling: .following(share: 1),
            spans: buffer,
            attributes: []
        )
    }

    private func exporter(to collector: Collector) -> SpanExporter {
        var limits = SpanExporter.Limits()
        limits.batch = 10
        limits.attempts = 3
        return SpanExporter(
            of: buffer,
            instance: "one",
            limits: limits,
            runtime: Runtime(time: time, seed: 2),
            metrics: metrics,
            send: { body, _ in try collector.send(body) }
        )
    }

    private func record(_ count: Int) {
        for _ in 0..<count { tracer.begin(.server, after: nil, name: "a").span?.end(nil) }
    }

    /// Runs the exporter on passing time until `isOver`.
    private func run(_ exporter: SpanExporter, until isOver: @escaping @Sendable () -> Bool) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await exporter.run() }
            while !isOver(), !Task.isCancelled {
                time.advanceToNextSleeper()
                await Task.yield()
            }
            group.cancelAll()
        }
    }

    @Test("sends what has ended, in batches, and counts it")
    func batches() async {
        let collector = Collector([Self.answer(200)])
        record(15)
        let metrics = metrics
        await run(exporter(to: collector)) { metrics.exported.value == 15 }
        #expect(collector.requests == 2)
        #expect(metrics.exported.value == 15)
    }

    @Test(
        "sends a batch again after a failure that may end",
        arguments: [nil, answer(429), answer(502), answer(503, retryAfter: "2"), answer(504)]
    )
    func retries(failure: SpanExporter.Answer?) async {
        let collector = Collector([failure, failure, Self.answer(200)])
        record(3)
        let metrics = metrics
        await run(exporter(to: collector)) { metrics.exported.value == 3 }
        #expect(collector.requests == 3)
        #expect(metrics.unsent.value == 0)
    }

    @Test("drops and counts a batch after its last attempt, and continues with the next")
    func gone() async {
        let collector = Collector([nil, nil, nil, Self.answer(200)])
        record(12)
        let metrics = metrics
        await run(exporter(to: collector)) { metrics.exported.value == 2 }
        #expect(metrics.unsent.value == 10)
        #expect(collector.requests == 4)
    }

    @Test("drops and counts what a collector refuses, a part or all of it", arguments: [(400, 3), (200, 2)])
    func refused(status: Int, count: Int) async {
        // A partial success with two rejected spans.
        let collector = Collector([Self.answer(status, [0x0A, 0x02, 0x08, 0x02])])
        record(3)
        let metrics = metrics
        await run(exporter(to: collector)) { metrics.refused.value == count }
        #expect(metrics.refused.value == count)
        #expect(metrics.exported.value == 3 - count)
        #expect(collector.requests == 1)
    }

    @Test("a collector that is away holds up nothing: what finds no space is dropped and counted")
    func overflow() {
        record(25)
        #expect(metrics.overflowed.value == 5)
    }

    @Test("the end of the process sends what is left, once")
    func flush() async {
        let collector = Collector([Self.answer(200)])
        record(12)
        await exporter(to: collector).flush()
        #expect(collector.requests == 2)
        #expect(metrics.exported.value == 12)
    }

    @Test("the end of the process does not wait for a collector that is away")
    func flushWithout() async {
        let collector = Collector([nil])
        record(12)
        await exporter(to: collector).flush()
        #expect(collector.requests == 1)
        #expect(metrics.unsent.value == 12)
    }
}

@Suite("Address of a collector")
struct CollectorAddressTests {
    @Test(
        "is a base address without TLS, to which the path for spans is added",
        arguments: [
            ("http://127.0.0.1:4318", "127.0.0.1", 4318, "/v1/traces"),
            ("http://collector", "collector", 4318, "/v1/traces"),
            ("http://collector/", "collector", 4318, "/v1/traces"), ("http://c:80/a/b/", "c", 80, "/a/b/v1/traces"),
            ("http://[::1]:9", "::1", 9, "/v1/traces"), ("http://[::1]", "::1", 4318, "/v1/traces"),
        ]
    )
    func read(text: String, host: String, port: Int, path: String) throws {
        let address = try #require(CollectorAddress(text))
        #expect(address.host == host)
        #expect(address.port == port)
        #expect(address.path == path)
    }

    @Test(
        "nothing else is accepted",
        arguments: [
            "", "collector:4318", "https://collector:4318", "http://", "http://:4318", "http://c:0", "http://c:x",
            "http://user@c", "http://c?a=b", "http://c/#a", "http://c d",
        ]
    )
    func refused(text: String) { #expect(CollectorAddress(text) == nil) }
}
