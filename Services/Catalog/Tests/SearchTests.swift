import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Testing

@testable import Catalog

@Suite("A search, with its real index")
struct SearchTests {
    let world: CatalogWorld

    init() async throws {
        world = try await CatalogWorld()
        try await world.put("85123A", "White Hanging Heart T-Light Holder")
        try await world.put("22752", "Set 7 Babushka Nesting Boxes")
        try await world.put("71053", "White Metal Lantern")
        try await world.put("CAFE", "Café Crème mug")
    }

    @Test(
        "finds the beginnings of words, all of them, in any sequence",
        arguments: [
            "white": ["71053", "85123A"], "WHI": ["71053", "85123A"], "heart white": ["85123A"], "hite": [],
            "white box": [], "85123": ["85123A"], "nest 7": ["22752"], "cafe": ["CAFE"], "crème": ["CAFE"],
            "t-light": ["85123A"],
        ]
    )
    func words(query: String, skus: [String]) async throws {
        #expect(try await world.search(query) == skus)
    }

    @Test("lists all when nothing is looked for")
    func all() async throws {
        #expect(try await world.search("") == ["22752", "71053", "85123A", "CAFE"])
    }

    @Test("forgets a name that was replaced")
    func renamed() async throws {
        try await world.put("71053", "Brass Lantern")
        #expect(try await world.search("white") == ["85123A"])
        #expect(try await world.search("brass lan") == ["71053"])
    }

    @Test("covers everything once, however it is paged", arguments: [1, 7, 45, 200] as [UInt32])
    func pages(size: UInt32) async throws {
        let skus = (1...45).map { "L\($0)" }
        for sku in skus { try await world.put(sku, "Lamp \(sku)") }
        #expect(try await world.search("lamp", pageSize: size) == skus.sorted())
        #expect(try await world.search("", pageSize: size).count == 49)
    }

    @Test("goes on behind its last page's place, whatever came in between")
    func keyset() async throws {
        let first = try await world.client.searchProducts(.with { $0.pageSize = 2 }, context: world.anybody)
        try await world.put("00000", "Early")
        let second = try await world.client.searchProducts(
            .with {
                $0.pageSize = 2
                $0.pageToken = first.page.nextPageToken
            },
            context: world.anybody
        )
        #expect(second.products.map(\.sku) == ["85123A", "CAFE"])
        #expect(second.page.nextPageToken.isEmpty)
    }

    @Test(
        "is never an error, whatever is looked for",
        arguments: [
            "\"", "white\"", "\"white", "*", "white*", "NEAR(white, 2)", "white AND NOT pen", "name:white", "^white",
            "{sku name}:white", "white)", "(", "\u{0}", "'; --", "%", "_", "½", "²", "𞤀𞤁", "ꙮ", "ｗｈｉｔｅ", "👩‍👩‍👧 x",
            "e\u{301}\u{301}\u{301}", "\u{202E}white", "ß", "İ",
        ]
    )
    func hostile(query: String) async throws {
        let fault = await refusal { try await world.search(query) }
        #expect(fault == nil)
    }

    @Test("does not take words for commands")
    func commands() async throws {
        #expect(try await world.search("white OR boxes") == [])
        #expect(try await world.search("white NOT metal") == [])
    }

    @Test("refuses what is too long or no page of its own, by the field's name")
    func refused() async throws {
        let long = await refusal { try await world.search(String(repeating: "a", count: 201)) }
        #expect(long?.violations.map(\.field) == ["query"])
        let page = await refusal { try await world.search("", pageSize: 201) }
        #expect(page?.violations.map(\.field) == ["page_size"])
        let token = await refusal {
            try await world.client.searchProducts(.with { $0.pageToken = "zz" }, context: world.anybody)
        }
        #expect(token?.violations.map(\.field) == ["page_token"])
    }
}
