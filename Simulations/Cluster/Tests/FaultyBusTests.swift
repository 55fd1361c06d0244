import MartletCore
import MartletMessaging
import MartletSimulation
import MartletTesting
import Testing

@testable import SimulatedCluster

@Suite("Bus with faults")
struct FaultyBusTests {
    private func event(_ key: String, on topic: String) -> Envelope {
        Envelope(
            id: "\(topic)/\(key)",
            source: "test",
            epoch: 1,
            topic: topic,
            key: key,
            sequence: 1,
            time: Timestamp(seconds: 1),
            traceparent: nil,
            body: []
        )
    }

    @Test("a refusal of its own leaves those of the bus as they are")
    func refusals() async throws {
        let faults = FaultInjector([.publicationRefused: 1], entropy: SeededEntropy(seed: 1))
        let bus = FaultyBus(
            bus: InMemoryBus(time: ManualTime()),
            faults: faults,
            entropy: SeededEntropy(seed: 1)
        )
        // No topic has this name: the bus refuses it.
        let events = [event("a", on: "things"), event("b", on: "no topic"), event("c", on: "things")]
        let refused: Reason = "simulation.refused"
        faults.begin()
        var seen: Set<[Reason?]> = []
        for _ in 1...64 { seen.insert(try await bus.publish(events).map { $0.refusal?.reason }) }
        #expect(
            seen == [
                [refused, .invalidRequest, nil], [nil, refused, nil], [nil, .invalidRequest, refused],
            ]
        )
    }
}
