import LinksContract
import Martlet
import SimulatedCluster
import Testing

@testable import Links

@Suite("Links, simulated with faults")
struct LinksWorldTests {
    @Test("every acknowledged link is counted once, whatever fails", arguments: UInt64(1)...10)
    func sound(seed: UInt64) throws {
        let result = try LinksWorld(links: LinksService.self).run(seed: seed)
        #expect(result.violations == [])
    }

    @Test("a run is repeated by its seed")
    func repeats() throws {
        let world = LinksWorld(links: LinksService.self)
        #expect(try world.run(seed: 7).hash == world.run(seed: 7).hash)
    }

    @Test("mutant: an event that is published after the commit is found to be lost")
    func mutant() throws {
        let world = LinksWorld(links: PublishesLater.self)
        #expect(try world.run(seed: 1, faults: []).violations == [])
        let isFound = try (UInt64(1)...100).contains {
            try world.run(seed: $0, faults: [.crashPoint, .databaseAway]).violations.joined().contains("counted")
        }
        #expect(isFound)
    }
}

/// A mutant of the service: the event has a transaction of its own, which a crash can prevent.
private struct PublishesLater: ServiceBlueprint, LinksHandling {
    static let name = LinksService.name
    static let migrations = LinksService.migrations

    let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] { [.links(self, on: platform)] }
    var workflows: [RegisteredWorkflow] { LinksService(on: platform).workflows }

    func shorten(_ request: ShortenRequest, _ call: Call) async throws -> ShortenResponse {
        let code = String("\(platform.runtime.identifier())".suffix(12))
        let response: ShortenResponse = try await call.write { tx in
            try tx.run("INSERT INTO links (code, url) VALUES (\(code), \(request.url))")
            try platform.workflows.start(LinkExpiry.self, id: "expiry/\(code)", input: code, for: call.context, in: tx)
            return .with { $0.code = code }
        }
        guard response.code == code else { return response }
        let event = LinkCreated.with {
            $0.code = code
            $0.url = request.url
        }
        try await call.database.transaction("publish") { tx in try tx.publish(event, on: LinksTopics.created) }
        return response
    }

    func getLink(_ request: GetLinkRequest, _ call: Call) async throws -> GetLinkResponse {
        try await LinksService(on: platform).getLink(request, call)
    }
}
