import MartletMessaging
import MartletTesting
import Testing

@Suite("In-memory bus")
struct InMemoryBusTests {
    @Test("conforms", arguments: MessageBusConformance.checks)
    func conforms(to check: MessageBusConformance.Check) async throws {
        try await check.run { time in InMemoryBus(time: time) }
    }

    @Test("the guide states what it can do")
    func row() throws {
        try MessageBusConformance.requireRow(of: "in memory", Set(MessageBusConformance.Capability.allCases))
    }
}
