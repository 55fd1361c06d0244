import LinksContract
import Martlet
import MartletTestBench
import Testing

@testable import Links

@Suite("Links")
struct LinksTests {
    @Test("a URL that was shortened is found by its code, and published once", arguments: TestBench.Mode.examples)
    func shorten(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(LinksService.self, mode) { bench in
            let links = LinksClient(on: bench)
            let ann = bench.context(as: "ann", scopes: ["links:write"])
            let code = try await links.shorten(.with { $0.url = "https://swift.org" }, context: ann).code
            #expect(try await links.getLink(.with { $0.code = code }, context: ann).url == "https://swift.org")
            #expect(try await bench.published(LinksTopics.created).map(\.code) == [code])
        }
    }

    @Test("the events of links are counted by host", arguments: TestBench.Mode.examples)
    func hosts(_ mode: TestBench.Mode) async throws {
        try await TestBench.run([LinksService.self, HostsService.self], mode) { bench in
            let ann = bench.context(as: "ann", scopes: ["links:write"])
            for path in ["a", "b"] {
                let request = ShortenRequest.with { $0.url = "https://swift.org/\(path)" }
                _ = try await LinksClient(on: bench).shorten(request, context: ann)
            }
            try await bench.eventually("both links are counted") {
                try await bench.read(HostsService.name) { tx in
                    try tx.run("SELECT links FROM hosts WHERE host = 'swift.org'").first?.int(0) == 2
                }
            }
        }
    }

    @Test("a link ends after 30 days", arguments: [TestBench.Mode.inProcess, .seed(1)])
    func expiry(_ mode: TestBench.Mode) async throws {
        try await TestBench.run(LinksService.self, mode) { bench in
            let ann = bench.context(as: "ann", scopes: ["links:write"])
            let links = LinksClient(on: bench)
            let code = try await links.shorten(.with { $0.url = "https://swift.org" }, context: ann).code
            try await bench.advance(by: LinkExpiry.lifetime - .seconds(3_600))
            #expect(try await links.getLink(.with { $0.code = code }, context: ann).url == "https://swift.org")
            try await bench.advance(by: .seconds(7_200))
            try await bench.eventually("the link has ended") {
                try await bench.read("links") { tx in try tx.run("SELECT 1 FROM links").isEmpty }
            }
        }
    }
}
