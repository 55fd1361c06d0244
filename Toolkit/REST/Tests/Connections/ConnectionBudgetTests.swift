import Testing

@testable import MartletREST

@Suite("Connection budget")
struct ConnectionBudgetTests {
    @Test(
        "leaves descriptors for everything else",
        arguments: [(256, 128), (1_024, 512), (20_000, 10_000), (1 << 20, 10_000), (UInt64.max, 10_000), (1, 1)]
    )
    func share(descriptors: UInt64, connections: Int) {
        #expect(ConnectionBudget.connections(descriptors: descriptors) == connections)
    }

    @Test("follows the process's own limit")
    func own() { #expect(1...ConnectionBudget.connectionsMax ~= ConnectionBudget.connections) }
}
