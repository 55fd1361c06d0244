import Logging
import MartletCore
import Testing
import Tracing

@testable import MartletTelemetry

@Suite("Service tracer")
struct ServiceTracerTests {
    let fixture = TracerFixture()
    let caller = TraceContext(traceBits: (1, 2), spanBits: 3, sampled: true, state: TraceState("v=1"))

    @Test("work after a sampled caller is a span in the caller's trace, with a start and an end")
    func child() throws {
        let scope = fixture.tracer.begin(.server, after: caller, name: "GET /v1")
        fixture.runtime.advance(.milliseconds(500))
        scope.span?.end(nil)
        let span = try #require(fixture.buffer.take().first)
        #expect(span.trace == scope.trace)
        #expect(span.trace.traceID == caller.traceID)
        #expect(span.trace.state == caller.state)
        #expect(span.parent == 3)
        #expect(span.service == "parcels")
        #expect(span.startNanoseconds == 1_000_000_000)
        #expect(span.endNanoseconds == 1_500_000_000)
        #expect(span.status == .unset)
    }

    @Test("a span is exported once, when it ends")
    func once() {
        let scope = fixture.tracer.begin(.server, after: caller, name: "a")
        #expect(fixture.buffer.take().isEmpty)
        scope.span?.end(nil)
        scope.span?.end(CancellationError())
        #expect(fixture.buffer.take().map(\.status) == [.unset])
    }

    @Test("an error sets the status and its kind, and leaves its text in the process")
    func failure() throws {
        let scope = fixture.tracer.begin(.client, after: caller, name: "a")
        scope.span?.end(Fault(.unavailable, .overloaded, "anna@example.org has too many"))
        let span = try #require(fixture.buffer.take().first)
        #expect(span.status == .error)
        #expect(span.attributes.map(\.name) == ["error.type"])
        #expect("\(span)".contains("overloaded"))
        #expect(!"\(span)".contains("anna"))
    }

    @Test("a trace that begins here is sampled by its share")
    func shares() {
        for (share, sampled) in [(1.0, 100), (0.0, 0)] {
            let fixture = TracerFixture(.following(share: share), limit: 200)
            let traces = (0..<100).map { _ in fixture.tracer.begin(.server, after: nil, name: "a").trace }
            #expect(traces.count { $0.sampled } == sampled)
            #expect(Set(traces.map { ExactText($0.traceID) }).count == 100)
        }
        let half = TracerFixture(.following(share: 0.5))
        let sampled = (0..<100).count { _ in half.tracer.begin(.server, after: nil, name: "a").trace.sampled }
        #expect(1...99 ~= sampled)
    }

    @Test("a service follows its caller's decision, the edge makes its own", arguments: [true, false])
    func edge(sampled: Bool) throws {
        let caller = caller.sampled(sampled)
        let service = TracerFixture(.following(share: sampled ? 0 : 1)).tracer
        #expect(service.received(caller)?.sampled == sampled)
        let edge = TracerFixture(.deciding(share: sampled ? 0 : 1)).tracer
        let decided = try #require(edge.received(caller))
        #expect(decided.sampled == !sampled)
        #expect(decided.traceID == caller.traceID)
        let off = ServiceTracer(offFor: "gateway", runtime: edge.runtime, isEdge: true)
        #expect(off.received(caller)?.sampled == false)
        #expect(edge.received(nil) == nil)
    }

    @Test("without a buffer nothing is recorded, no name is made, and a sampled caller's place is passed on")
    func off() {
        let tracer = ServiceTracer(offFor: "parcels", runtime: fixture.tracer.runtime, isEdge: false)
        var names = 0
        func name() -> String {
            names += 1
            return "a"
        }
        #expect(tracer.begin(.server, after: caller, name: name()).trace == caller)
        #expect(fixture.runtime.drawn == 0)
        let unsampled = tracer.begin(.server, after: caller.sampled(false), name: name()).trace
        #expect(unsampled.spanID != caller.spanID)
        #expect(tracer.begin(.consumer, linkedTo: caller, name: name()) == nil)
        #expect(!tracer.begin(.server, after: nil, name: name()).trace.sampled)
        #expect(names == 0)
    }

    @Test("what an event has caused is a trace of its own, linked to the event's")
    func linked() throws {
        let scope = try #require(fixture.tracer.begin(.consumer, linkedTo: caller, name: "process"))
        scope.span?.end(nil)
        let span = try #require(fixture.buffer.take().first)
        #expect(span.links == [caller])
        #expect(span.parent == nil)
        #expect(span.trace.traceID != caller.traceID)
        #expect(fixture.tracer.begin(.consumer, linkedTo: caller.sampled(false), name: "process") == nil)
    }

    @Test("nested work needs a sampled trace and a tracer in its task")
    func nested() {
        #expect(ServiceTracer.nested(.internal, name: "a") == nil)
        TraceContext.$current.withValue(caller) { #expect(ServiceTracer.nested(.internal, name: "a") == nil) }
        ServiceTracer.$current.withValue(fixture.tracer) {
            #expect(ServiceTracer.nested(.internal, name: "a") == nil)
            TraceContext.$current.withValue(caller.sampled(false)) {
                #expect(ServiceTracer.nested(.internal, name: "a") == nil)
            }
            TraceContext.$current.withValue(caller) {
                #expect(ServiceTracer.nested(.internal, name: "a")?.trace.traceID == caller.traceID)
            }
        }
    }

    @Test("the scope of a service without a tracer hides that of its caller in the same process")
    func scopes() {
        var one = Telemetry(service: "one", level: .error, time: fixture.runtime)
        let two = Telemetry(service: "two", level: .error, time: fixture.runtime)
        one.tracer = fixture.tracer
        one.scope {
            #expect(ServiceTracer.current === fixture.tracer)
            two.scope { #expect(ServiceTracer.current == nil) }
        }
    }
}
