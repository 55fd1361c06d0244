import MartletContract
import MartletCore
import MartletTelemetry
import MartletTesting
import SwiftProtobuf
import Testing

@testable import MartletHost

@Suite("Span of a served call")
struct ServedCallSpanTests {
    let fixture: WordFixture
    let spans: RecordedSpans
    let client: OperateClient

    init() async throws {
        fixture = try await WordFixture()
        let runtime = Runtime(time: fixture.time, entropy: fixture.entropy)
        spans = RecordedSpans(of: "words", runtime: runtime)
        var dependencies = WordFixture.dependencies(fixture.database, bus: fixture.bus, runtime: runtime)
        dependencies.telemetry.tracer = spans.tracer
        let services = LocalServices()
        services.add(try await ServiceRuntime(WordService.self, on: dependencies).operatorContracts)
        client = OperateClient(over: LocalChannel(to: services, time: fixture.time))
    }

    private func context(_ trace: TraceContext?) -> CallContext {
        CallContext(principal: Principal(user: "op", scopes: ["operate"]), trace: trace)
    }

    @Test("is a child of its caller's, and its transactions are within it")
    func child() async throws {
        _ = spans.take()
        _ = try await client.countUnsentEvents(.init(), context: context(spans.caller))
        let all = spans.take()
        let call = try #require(all.first { $0.name.hasSuffix("/CountUnsentEvents") })
        #expect(call.kind == .server)
        #expect(call.service == "words")
        #expect(call.parent == spans.caller.spanBits)
        #expect(call.text(.rpcResponseStatusCode) == "OK")
        #expect(!call.isFailed)
        #expect(all.contains { $0.name.hasPrefix("transaction ") && $0.parent == call.trace.spanBits })
    }

    @Test("is a part of the request that has a span in the same process")
    func part() async throws {
        let request = spans.tracer.begin(.server, after: nil, name: "POST /v1/words")
        _ = try await request.run {
            try await client.countUnsentEvents(.init(), context: context(request.trace))
        }
        let call = try #require(spans.take().first { $0.name.hasSuffix("/CountUnsentEvents") })
        #expect(call.kind == .internal)
        #expect(call.parent == request.trace.spanBits)
    }

    @Test("a refusal is the caller's and no failure of the service")
    func refused() async throws {
        let fault = try await #require(throws: Fault.self) {
            try await client.showWorkflow(.with { $0.id = "unknown" }, context: context(spans.caller))
        }
        let call = try #require(spans.take().first { $0.parent == spans.caller.spanBits })
        #expect(call.text(.rpcResponseStatusCode) == fault.code.statusName)
        #expect(!call.isFailed)
    }

    @Test("is none outside of a recorded trace")
    func none() async throws {
        for trace in [nil, spans.caller.sampled(false)] {
            _ = try await client.countUnsentEvents(.init(), context: context(trace))
        }
        #expect(spans.take().isEmpty)
    }
}
