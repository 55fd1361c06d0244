import CatalogContract
import MartletContract
import MartletCore
import SharedContract
import SwiftProtobuf
import Testing

@testable import Catalog

@Suite("Product search")
struct SearchTests {
    let fixture: CatalogFixture

    init() async throws {
        fixture = try await CatalogFixture()
        try await fixture.put("85123A", "White Hanging Heart T-Light Holder")
        try await fixture.put("22752", "Set 7 Babushka Nesting Boxes")
        try await fixture.put("71053", "White Metal Lantern")
        try await fixture.put("CAFE", "Café Crème mug")
    }

    @Test(
        "every query word must match a prefix, in any order",
        arguments: [
            "white": ["71053", "85123A"], "WHI": ["71053", "85123A"], "heart white": ["85123A"], "hite": [],
            "white box": [], "85123": ["85123A"], "nest 7": ["22752"], "cafe": ["CAFE"], "crème": ["CAFE"],
            "t-light": ["85123A"],
        ]
    )
    func words(query: String, skus: [String]) async throws {
        #expect(try await fixture.search(query) == skus)
    }

    @Test("an empty query lists all products")
    func all() async throws {
        #expect(try await fixture.search("") == ["22752", "71053", "85123A", "CAFE"])
    }

    @Test(
        "a query without a word finds nothing, instead of all products",
        arguments: ["🧁", "!!!", "...", "***", "\"", "'", "%", "\\", "€", "™", "()", "\u{200B}"]
    )
    func symbols(query: String) async throws {
        try await fixture.put("CUP", "🧁 cupcake for 3 €")
        #expect(try await fixture.search(query) == [])
        #expect(try await fixture.search("\(query) cupcake") == ["CUP"])
    }

    @Test("a replaced name is no longer found")
    func renamed() async throws {
        try await fixture.put("71053", "Brass Lantern")
        #expect(try await fixture.search("white") == ["85123A"])
        #expect(try await fixture.search("brass lan") == ["71053"])
    }

    @Test("pages of any size cover every product once", arguments: [1, 7, 45, 200] as [UInt32])
    func pages(size: UInt32) async throws {
        let skus = (1...45).map { "L\($0)" }
        for sku in skus { try await fixture.put(sku, "Lamp \(sku)") }
        #expect(try await fixture.search("lamp", pageSize: size) == skus.sorted())
        #expect(try await fixture.search("", pageSize: size).count == 49)
    }

    @Test("a page token continues after the last SKU, whatever was inserted")
    func keyset() async throws {
        let first = try await fixture.client.searchProducts(.with { $0.pageSize = 2 }, context: fixture.anonymous)
        try await fixture.put("00000", "Early")
        let second = try await fixture.client.searchProducts(
            .with {
                $0.pageSize = 2
                $0.pageToken = first.page.nextPageToken
            },
            context: fixture.anonymous
        )
        #expect(second.products.map(\.sku) == ["85123A", "CAFE"])
        #expect(second.page.nextPageToken.isEmpty)
        #expect(first.hasPage && !second.hasPage)
    }

    @Test(
        "hostile queries cause no error",
        arguments: [
            "\"", "white\"", "\"white", "*", "white*", "NEAR(white, 2)", "white AND NOT pen", "name:white", "^white",
            "{sku name}:white", "white)", "(", "'; --", "%", "_", "½", "²", "𞤀𞤁", "ꙮ", "ｗｈｉｔｅ", "👩‍👩‍👧 x",
            "e\u{301}\u{301}\u{301}", "\u{202E}white", "ß", "İ",
        ]
    )
    func hostile(query: String) async throws {
        let fault = await refusal { try await fixture.search(query) }
        #expect(fault == nil)
    }

    @Test("FTS5 operators are plain words")
    func commands() async throws {
        #expect(try await fixture.search("white OR boxes") == [])
        #expect(try await fixture.search("white NOT metal") == [])
    }

    @Test("a long query, a large page and an invalid token are refused with their field")
    func refused() async throws {
        let long = await refusal { try await fixture.search(String(repeating: "a", count: 201)) }
        #expect(long?.violations.map(\.field) == ["query"])
        let page = await refusal { try await fixture.search("", pageSize: 201) }
        #expect(page?.violations.map(\.field) == ["page_size"])
        let token = await refusal {
            try await fixture.client.searchProducts(.with { $0.pageToken = "zz" }, context: fixture.anonymous)
        }
        #expect(token?.violations.map(\.field) == ["page_token"])
    }
}
