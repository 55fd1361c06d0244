import MartletCore
import Testing
import Tracing

@testable import MartletTelemetry

@Suite("Service span")
struct ServiceSpanTests {
    private struct Broken: Error { let sender = "anna@example.org" }

    let caller = TraceContext(traceBits: (1, 2), spanBits: 3, sampled: true)

    /// Runs `body` as a handler of a service in a recorded span named `outer`.
    private func handler(_ fixture: TracerFixture, _ body: () throws -> Void) rethrows {
        let outer = fixture.tracer.begin(.server, after: caller, name: "outer")
        // Not the process's tracer, which can be set once.
        try withTracer(TaskTracer()) {
            try ServiceTracer.$current.withValue(fixture.tracer) { try outer.run(body) }
        }
        outer.span?.end(nil)
    }

    @Test("withSpan of swift-distributed-tracing begins a span within the handler's, and what is nested is within it")
    func author() throws {
        let fixture = TracerFixture()
        handler(fixture) {
            withSpan("resize") { _ in
                ServiceTracer.nested(.internal, name: "transaction")?.span?.end(nil)
                #expect(TraceContext.innermost?.spanID != TraceContext.current?.spanID)
            }
            withSpan("store") { _ in }
        }
        let spans = fixture.buffer.take()
        #expect(spans.map(\.name) == ["transaction", "resize", "store", "outer"])
        let (inner, resize, store, outer) = (spans[0], spans[1], spans[2], spans[3])
        #expect(inner.parent == resize.trace.spanBits)
        #expect(resize.parent == outer.trace.spanBits)
        #expect(store.parent == outer.trace.spanBits)
        #expect(outer.parent == caller.spanBits)
    }

    @Test("withSpan records an error by its kind alone")
    func thrown() throws {
        let fixture = TracerFixture()
        #expect(throws: Broken.self) { try handler(fixture) { try withSpan("resize") { _ in throw Broken() } } }
        let span = try #require(fixture.buffer.take().first)
        #expect(span.status == .error)
        #expect(span.events.map(\.name) == ["exception"])
        #expect("\(span)".contains("Broken"))
        #expect(!"\(span)".contains("anna"))
    }

    @Test("withSpan does nothing without a service that records")
    func none() {
        let fixture = TracerFixture()
        withTracer(TaskTracer()) {
            withSpan("resize") { span in
                span.attributes["http.route"] = "/a"
                #expect(!span.isRecording)
                #expect(span.attributes.isEmpty)
            }
        }
        #expect(fixture.buffer.take().isEmpty)
    }

    @Test("only the names of the conventions and those that an operator permits are exported")
    func permitted() throws {
        let fixture = TracerFixture(attributes: ["parcels.channel"])
        handler(fixture) {
            withSpan("resize") { span in
                span.attributes["http.route"] = "/a"
                span.attributes["parcels.channel"] = "web"
                span.attributes["sender.email"] = "anna@example.org"
            }
        }
        let span = try #require(fixture.buffer.take().first)
        #expect(span.attributes.map(\.name) == ["http.route", "parcels.channel"])
        #expect(span.dropped.attributes == 1)
    }

    @Test("attributes, events, links and texts have limits, and what is dropped is counted")
    func limits() throws {
        let fixture = TracerFixture(attributes: (0..<100).map { ExactText("a\($0)") })
        let links = (0..<200).map { _ in caller }
        let tracer = fixture.tracer
        let scope = try #require(
            tracer.begin(.consumer, linkedTo: caller, name: "a" + String(repeating: "é", count: 600))
        )
        let span = try #require(scope.span)
        for _ in 0..<100 { span.addEvent(SpanEvent(name: "e")) }
        for link in links { span.addLink(SpanLink(context: context(link), attributes: [:])) }
        span.attributes = SpanAttributes(Dictionary(uniqueKeysWithValues: (0..<100).map { ("a\($0)", "v") }))
        span.end(nil)
        let ended = try #require(fixture.buffer.take().first)
        #expect(ended.attributes.count == ServiceSpan.attributesLimit)
        #expect(ended.events.count == ServiceSpan.eventsLimit)
        #expect(ended.links.count == ServiceSpan.linksLimit)
        #expect(ended.name.utf8.count == ServiceSpan.textBytesLimit - 1)
        #expect(ended.dropped.attributes == 100 - ServiceSpan.attributesLimit)
        #expect(ended.dropped.events == 100 - ServiceSpan.eventsLimit)
        #expect(ended.dropped.links == 201 - ServiceSpan.linksLimit)
    }

    private func context(_ trace: TraceContext) -> InstrumentationContext {
        var context = InstrumentationContext.topLevel
        context[TraceContextKey.self] = trace
        return context
    }
}

@Suite("Span buffer")
struct SpanBufferTests {
    @Test("keeps the oldest spans up to its limit, counts the rest, and gives them in batches")
    func limit() {
        let fixture = TracerFixture(limit: 60)
        for number in 1...70 { fixture.tracer.begin(.server, after: nil, name: "\(number)").span?.end(nil) }
        #expect(fixture.dropped.value == 10)
        #expect(fixture.buffer.take().map(\.name) == (1...50).map { "\($0)" })
        #expect(fixture.buffer.take().map(\.name) == (51...60).map { "\($0)" })
        #expect(fixture.buffer.take().isEmpty)
    }
}
