import MartletContract
import MartletCore
import MartletTelemetry
import MartletTesting
import SwiftProtobuf
import Synchronization
import Testing

@testable import MartletResilience

/// An empty protobuf message, written by hand so that this module needs no contract.
private struct Nothing: ContractMessage, Equatable {
    static let protoMessageName = "test.Nothing"
    static let shape = MessageShape("test.Nothing", [])
    var unknownFields = UnknownStorage()

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while try decoder.nextFieldNumber() != nil {}
    }

    func traverse<V: Visitor>(visitor: inout V) throws { try unknownFields.traverse(visitor: &visitor) }
    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { (message as? Nothing) == self }
    func check(_ violations: inout [FieldViolation], at path: String) {}
    func write(to json: inout JSONWriter) {}
}

/// Fails with the given faults in turn, then succeeds.
private final class Peer: RPCChannel {
    let faults: Mutex<[Fault]>
    let seen = Mutex<[CallContext]>([])

    init(_ faults: [Fault]) { self.faults = Mutex(faults) }

    var calls: Int { seen.withLock { $0.count } }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        seen.withLock { $0.append(context) }
        if let fault = faults.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { throw fault }
        return Response()
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> { ResponseStream { nil } }
}

@Suite("Policy channel")
struct PolicyChannelTests {
    let time = ManualTime()
    let metrics = MetricsRegistry(service: "links")
    let read = MethodDescriptor(
        service: "s",
        name: "Get",
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: [],
        http: []
    )
    let write = MethodDescriptor(
        service: "s",
        name: "Put",
        idempotent: false,
        writes: true,
        users: .anybody,
        callers: [],
        http: []
    )
    private let unavailable = Fault(.unavailable, .unavailable, "away")

    func channel(to peer: any RPCChannel, _ change: (inout CallPolicy) -> Void = { _ in }) -> PolicyChannel {
        var policy = CallPolicy.betweenServices
        policy.retry.base = .nanoseconds(1)
        change(&policy)
        let runtime = Runtime(time: time, entropy: ZeroEntropy())
        return PolicyChannel(
            to: "parcels",
            over: BalancedPeer(peer, policy: policy, runtime: runtime),
            policy: policy,
            metrics: metrics,
            runtime: runtime
        )
    }

    struct ZeroEntropy: Entropy {
        func next() -> UInt64 { 0 }
    }

    @Test("retries a read while the peer is unavailable, up to the limit of attempts")
    func retries() async throws {
        let peer = Peer([unavailable, unavailable, unavailable])
        await #expect(throws: Fault.self) {
            let _: Nothing = try await channel(to: peer).unary(read, Nothing(), context: CallContext())
        }
        #expect(peer.calls == 3)
    }

    @Test("does not retry a write without a key, or when the caller retries by itself")
    func doesNotRetry() async throws {
        var own = CallContext(idempotencyKey: "k")
        own.mayRetry = false
        for context in [CallContext(), own] {
            let peer = Peer([unavailable])
            await #expect(throws: Fault.self) {
                let _: Nothing = try await channel(to: peer).unary(write, Nothing(), context: context)
            }
            #expect(peer.calls == 1)
        }
        let peer = Peer([unavailable])
        let _: Nothing = try await channel(to: peer).unary(write, Nothing(), context: CallContext(idempotencyKey: "k"))
        #expect(peer.calls == 2)
    }

    @Test("sets the default deadline and a child span of the caller's trace")
    func context() async throws {
        let peer = Peer([])
        let trace = TraceContext.root(SeededEntropy(seed: 1), sampled: false)
        let _: Nothing = try await channel(to: peer).unary(read, Nothing(), context: CallContext(trace: trace))
        let seen = try #require(peer.seen.withLock { $0.first })
        #expect(seen.deadline == time.now + .seconds(5))
        #expect(seen.trace?.traceID == trace.traceID)
        #expect(seen.trace?.spanID != trace.spanID)
    }

    @Test("a call is one span with all of its attempts, and the callee's parent")
    func span() async throws {
        let spans = RecordedSpans(runtime: Runtime(time: time, seed: 1))
        let peer = Peer([unavailable])
        try await spans.within {
            let _: Nothing = try await channel(to: peer).unary(read, Nothing(), context: CallContext())
        }
        let span = try #require(spans.take().first)
        #expect(span.name == "s/Get")
        #expect(span.kind == .client)
        #expect(span.parent == spans.caller.spanBits)
        #expect(span.text(.serverAddress) == "parcels")
        #expect(span.text(.rpcResponseStatusCode) == "OK")
        #expect(span.text(.attempts) == "2")
        #expect(!span.isFailed)
        #expect(peer.seen.withLock { $0.map(\.trace) } == [span.trace, span.trace])
    }

    @Test("a failed call is a failed span, and one outside of a trace is none")
    func failedSpan() async throws {
        let spans = RecordedSpans(runtime: Runtime(time: time, seed: 1))
        let peer = Peer([unavailable, unavailable, unavailable, unavailable, unavailable, unavailable])
        await #expect(throws: Fault.self) {
            try await spans.within {
                let _: Nothing = try await channel(to: peer).unary(write, Nothing(), context: CallContext())
            }
        }
        let span = try #require(spans.take().first)
        #expect(span.isFailed)
        #expect(span.text(.rpcResponseStatusCode) == "UNAVAILABLE")
        #expect(span.text(.errorType) == "unavailable")
        await #expect(throws: Fault.self) {
            try await ServiceTracer.$current.withValue(spans.tracer) {
                let _: Nothing = try await channel(to: peer).unary(write, Nothing(), context: CallContext())
            }
        }
        #expect(spans.take().isEmpty)
    }

    @Test("opens the circuit for a failing peer, not for one that refuses")
    func circuit() async throws {
        let refusing = Peer(Array(repeating: Fault(.notFound, .notFound, "no"), count: 5))
        let healthy = channel(to: refusing) { $0.failuresLimit = 2 }
        for _ in 1...5 { _ = try? await healthy.unary(read, Nothing(), context: CallContext()) as Nothing }
        #expect(refusing.calls == 5)

        let failing = Peer(Array(repeating: unavailable, count: 5))
        let guarded = channel(to: failing) { $0.failuresLimit = 2 }
        for _ in 1...5 { _ = try? await guarded.unary(write, Nothing(), context: CallContext()) as Nothing }
        #expect(failing.calls == 2)
    }

    @Test("metrics: counts attempts by outcome")
    func counts() async throws {
        let peer = Peer([unavailable])
        let _: Nothing = try await channel(to: peer).unary(read, Nothing(), context: CallContext())
        let text = MetricsText.exposition(of: [metrics])
        #expect(
            text.contains(#"martlet_client_calls_total{service="links",peer="parcels",method="/s/Get",code="ok"} 1"#)
        )
        #expect(text.contains(#"code="unavailable"} 1"#))
        #expect(text.contains(#"martlet_client_retries_total{service="links",peer="parcels"} 1"#))
    }
}
