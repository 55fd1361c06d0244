import Links
import LinksContract
import Martlet
import SimulatedCluster
import Synchronization

/// Customers who shorten URLs under injected faults; then each acknowledged link was counted once, and all have ended.
struct LinksWorld {
    private static let customers = 3
    private static let linksOfEach = 5

    let links: any ServiceBlueprint.Type

    func run(seed: UInt64, faults: Set<SimulatedFault> = .all) throws -> WorldResult {
        let acknowledged = Acknowledged()
        return try SimulatedWorld([links, HostsService.self]).run(seed: seed, faults: faults) { world in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for customer in 1...Self.customers {
                    group.addTask {
                        for number in 1...Self.linksOfEach {
                            try await world.sleep(upTo: .seconds(4))
                            let url = "https://example.com/\(customer)/\(number)"
                            let code = try await Self.shorten(url, as: "customer-\(customer)", in: world)
                            acknowledged.add(code)
                        }
                    }
                }
                try await group.waitForAll()
            }
        } check: { world in
            let left = try await world.read("links") { tx in try tx.run("SELECT 1 FROM links").count }
            let counted = try await world.read("hosts") { tx in
                try tx.run("SELECT COALESCE(SUM(links), 0) FROM hosts")[0].int(0)
            }
            let expected = acknowledged.count
            return (left == 0 ? [] : ["\(left) links have not ended"])
                + (counted == expected ? [] : ["\(expected) acknowledged, \(counted) counted"])
        }
    }

    private static func shorten(_ url: String, as customer: String, in world: RunningWorld) async throws -> String {
        let links = LinksClient(on: world)
        let principal = Principal(user: ExactText(customer), scopes: ["links:write"])
        return try await world.retrying(as: principal) { context in
            try await links.shorten(.with { $0.url = url }, context: context).code
        }
    }
}

/// The codes that customers know.
private final class Acknowledged: Sendable {
    private let codes = Mutex<Set<String>>([])

    var count: Int { codes.withLock { $0.count } }

    func add(_ code: String) { _ = codes.withLock { $0.insert(code) } }
}
