import MartletContract
import MartletCore
import MartletDiscovery
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletResilience

@Suite("Balancer")
struct BalancerTests {
    let time = ManualTime()
    let metrics = MetricsRegistry(service: "links")
    let registry = InMemoryRegistry([
        "parcels": ["a", "b", "c"].map { Instance(id: $0, http: nil, grpc: nil, operate: nil) }
    ])
    private let write = MethodDescriptor(
        service: "s",
        name: "Put",
        idempotent: false,
        writes: true,
        users: .anybody,
        callers: [],
        http: []
    )

    private func balancer(triesMax: Int = 3) -> Balancer {
        var policy = CallPolicy.betweenServices
        policy.instances.triesMax = triesMax
        let runtime = Runtime(time: time, entropy: SeededEntropy(seed: 1))
        let balancer = Balancer(for: "parcels", in: registry, policy: policy, runtime: runtime)
        balancer.export(to: metrics)
        return balancer
    }

    /// Calls once; `answer` is asked at each instance.
    private func call(
        _ balancer: Balancer,
        until deadline: Moment? = nil,
        _ answer: @Sendable (String) throws -> Void
    ) async -> (tried: [String], fault: Fault?) {
        let tried = Mutex<[String]>([])
        do {
            try await balancer.call(write, until: deadline) { instance in
                tried.withLock { $0.append(instance.id) }
                try answer(instance.id)
            }
            return (tried.withLock { $0 }, nil)
        } catch { return (tried.withLock { $0 }, Fault(describing: error)) }
    }

    @Test("a call that was certainly not processed goes to the next instance, each of them once")
    func next() async {
        let balancer = balancer()
        let (tried, fault) = await call(balancer) { if $0 != "c" { throw Fault.notProcessed("refused") } }
        #expect(fault == nil)
        #expect(tried.last == "c")
        #expect(Set(tried).count == tried.count)

        let (all, refused) = await call(balancer) { _ in throw Fault.notProcessed("refused") }
        #expect(Set(all) == ["a", "b", "c"])
        #expect(all.count == 3)
        #expect(refused?.isNotProcessed == true)
        let text = MetricsText.exposition(of: [metrics])
        let repeats = tried.count - 1 + 2
        #expect(text.contains(#"martlet_client_next_instance_total{service="links",peer="parcels"} \#(repeats)"#))
    }

    @Test(
        "a call that may have been processed, or that the next instance would refuse as well, is sent once",
        arguments: [
            Fault(.unavailable, .unavailable, "the connection was lost"), .deadlineExceeded,
            Fault(.resourceExhausted, .overloaded, "too many calls are open", cause: NotProcessed()),
            Fault(.notFound, .notFound, "no"),
        ]
    )
    func once(_ fault: Fault) async {
        let (tried, seen) = await call(balancer()) { _ in throw fault }
        #expect(tried.count == 1)
        #expect(seen?.code == fault.code)
    }

    @Test("no further instance is tried beyond the limit, or after the deadline")
    func limits() async {
        let (two, _) = await call(balancer(triesMax: 2)) { _ in throw Fault.notProcessed("refused") }
        #expect(two.count == 2)
        let deadline = time.now + .seconds(1)
        let (late, fault) = await call(balancer(), until: deadline) { _ in
            time.advance(by: .seconds(1))
            throw Fault.notProcessed("refused")
        }
        #expect(late.count == 1)
        #expect(fault?.code == .unavailable)
    }

    @Test("calls go to all instances; without one they fail with `unavailable`, and were not made")
    func spread() async {
        let balancer = balancer()
        var ids: Set<String> = []
        for _ in 1...60 { ids.formUnion(await call(balancer) { _ in }.tried) }
        #expect(ids == ["a", "b", "c"])

        registry.set("parcels", [])
        let (tried, fault) = await call(balancer) { _ in }
        #expect(tried.isEmpty)
        #expect(fault?.code == .unavailable)
        #expect(fault?.isNotProcessed == true)
        #expect(fault?.retryAfter == .seconds(1))
    }

    @Test("an open circuit fails calls without making them")
    func circuit() async {
        registry.set("parcels", [Instance(id: "a", http: nil, grpc: nil, operate: nil)])
        let balancer = balancer()
        for _ in 1...10 { _ = await call(balancer) { _ in throw Fault(.unavailable, .unavailable, "away") } }
        let (tried, fault) = await call(balancer) { _ in }
        #expect(tried.isEmpty)
        #expect(fault?.reason == .circuitOpen)
        #expect(fault?.retryAfter == .seconds(1))
        #expect(
            MetricsText.exposition(of: [metrics])
                .contains(#"martlet_client_circuit_open{service="links",peer="parcels"} 1"#)
        )
    }
}
