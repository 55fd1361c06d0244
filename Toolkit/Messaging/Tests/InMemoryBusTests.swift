import MartletMessaging
import MartletTesting
import Testing

@Suite("In-memory bus")
struct InMemoryBusTests {
    @Test("conforms", arguments: MessageBusConformance.checks)
    func conforms(to check: MessageBusConformance.Check) async throws {
        try await check.run { time in InMemoryBus(time: time) }
    }
}
