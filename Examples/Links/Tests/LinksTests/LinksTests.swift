import Links
import LinksContract
import MartletTestBench
import Testing

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
}
