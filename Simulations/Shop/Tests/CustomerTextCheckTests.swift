import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedCluster
import Testing

@testable import ShopSimulation

@Suite("Texts of customers")
struct CustomerTextCheckTests {
    private func found(after statements: [String]) throws -> [String] {
        let image = try #require(try Deployment.templates(of: ShopDeployments.all)["orders"])
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let store = Store(image, entropy: SeededEntropy(seed: 1))
            try store.open(time: simulation.time) { _ in }
            try await store.current().transaction("plant", deadline: nil) { (tx: borrowing SQLTransaction) in
                for statement in statements { try tx.run(SQLQuery(unchecked: statement)) }
            }
            return try await CustomerTextCheck.misplaced(in: store, of: "orders").map(\.what)
        }
    }

    @Test("are found in bytes of any table, and not where there are none")
    func misplaced() throws {
        let table = "CREATE TABLE letters (number BIGINT, body BLOB)"
        #expect(try found(after: [table, "INSERT INTO letters VALUES (1, x'00ff')"]) == [])
        let planted = "INSERT INTO letters VALUES (2, CAST('so: \(CustomerTextCheck.words)ann' AS BLOB))"
        #expect(try found(after: [table, planted]) == ["orders: what a customer wrote is in letters"])
    }
}
