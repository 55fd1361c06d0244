import LinksContract
import Martlet
import MartletSimulation
import SimulatedCluster
import Synchronization

/// Customers who shorten URLs under injected faults; then each acknowledged link must be stored, and published, once.
struct LinksWorld {
    private static let customers = 3
    private static let linksOfEach = 5

    let links: any ServiceBlueprint.Type

    func run(seed: UInt64, faults: Set<SimulatedFault> = .all) throws -> WorldResult {
        let acknowledged = Mutex<[String]>([])
        return try SimulatedWorld([links]).run(seed: seed, faults: faults) { world in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for customer in 1...Self.customers {
                    group.addTask {
                        for number in 1...Self.linksOfEach {
                            try await world.sleep(upTo: .seconds(4))
                            let url = "https://example.com/\(customer)/\(number)"
                            let code = try await Self.shorten(url, as: "customer-\(customer)", in: world)
                            acknowledged.withLock { $0.append("\(code) \(url)") }
                        }
                    }
                }
                try await group.waitForAll()
            }
        } check: { world in
            let expected = acknowledged.withLock { $0.sorted() }
            let (stored, published) = try await world.read("links") { tx in
                let stored = try tx.run("SELECT code, url FROM links").map { "\($0.text(0)) \($0.text(1))" }
                let bodies = try tx.run("SELECT body FROM audit_outbox").map { $0.bytes(0) }
                return (
                    stored.sorted(), try bodies.map(LinksTopics.created.decode).map { "\($0.code) \($0.url)" }.sorted()
                )
            }
            return (stored == expected ? [] : ["acknowledged \(expected), stored \(stored)"])
                + (published == expected ? [] : ["acknowledged \(expected), published \(published)"])
        }
    }

    private static func shorten(_ url: String, as customer: String, in world: RunningWorld) async throws -> String {
        let links = LinksClient(over: world.channel(to: "links"))
        let principal = Principal(kind: .user, id: customer, scopes: ["links:write"])
        return try await world.retrying(as: principal) { context in
            try await links.shorten(.with { $0.url = url }, context: context).code
        }
    }
}
