import CatalogContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf
import Testing

@testable import Catalog

/// SKUs that `String` takes for equal: composed, and with combining accents.
@Suite("SKUs that look alike")
struct LookAlikeSKUTests {
    private static let composed = "CAF\u{C9}"
    private static let decomposed = "CAFE\u{301}"

    let fixture: CatalogFixture

    init() async throws { fixture = try await CatalogFixture() }

    /// Stores a product as a program did that accepted every form.
    private func plant(_ sku: String) async throws {
        try await fixture.database.transaction { tx in
            try tx.run("INSERT INTO products (sku, name, stocked) VALUES (\(sku), 'old', 1)")
        }
    }

    @Test(
        "a new SKU that is not in NFC is refused by name, with the form to send",
        arguments: ["CAFE\u{301}", "\u{212A}1"]
    )
    func new(sku: String) async throws {
        let fault = await refusal { try await fixture.put(sku, "new") }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.violations.map(\.field) == ["sku"])
        let composed = ComposedText.differing(from: sku) ?? ""
        #expect(fault?.violations.map(\.rule) == ["must be in Unicode's normal form C (NFC), which is \(composed)"])
        #expect(try await fixture.put(composed, "new").sku == composed)
    }

    @Test("an import names the product whose SKU is not in NFC, and imports none")
    func imported() async throws {
        let request = ImportProductsRequest.with {
            $0.products = [Self.composed, Self.decomposed].map { sku in
                .with {
                    $0.sku = sku
                    $0.name = "a product"
                }
            }
        }
        let fault = await refusal { try await fixture.client.importProducts(request, context: fixture.merchant) }
        #expect(fault?.violations.map(\.field) == ["products[1].sku"])
        #expect(try await fixture.search("") == [])
    }

    @Test("a stored SKU stays reachable byte for byte, with its own price")
    func stored() async throws {
        try await plant(Self.decomposed)
        try await fixture.put(Self.composed, "composed")
        try await fixture.put(Self.decomposed, "decomposed")
        try await fixture.price(Self.composed, 1_000)
        try await fixture.price(Self.decomposed, 100)
        #expect(try await fixture.price(Self.composed) == .pence(1_000))
        #expect(try await fixture.price(Self.decomposed) == .pence(100))
        let service = CallContext(principal: Principal(service: "orders", for: .user("ann")))
        let request = QuotePricesRequest.with { $0.skus = [Self.composed, Self.decomposed, Self.composed] }
        let quotes = try await fixture.client.quotePrices(request, context: service).quotes
        #expect(quotes.map(\.name) == ["decomposed", "composed"])
        #expect(quotes.map(\.unitPrice) == [.pence(100), .pence(1_000)])
    }

    @Test("an import keeps stored SKUs that look alike apart")
    func importedBoth() async throws {
        try await plant(Self.decomposed)
        let request = ImportProductsRequest.with {
            $0.products = [(Self.composed, Int64(1_000)), (Self.decomposed, 100)].map { (sku: String, pence: Int64) in
                .with {
                    $0.sku = sku
                    $0.name = "\(pence)"
                    $0.prices = [
                        .with {
                            $0.unitPrice = .pence(pence)
                            $0.effectiveFrom = Google_Protobuf_Timestamp(Timestamp(seconds: 1))
                        }
                    ]
                }
            }
        }
        _ = try await fixture.client.importProducts(request, context: fixture.merchant)
        #expect(try await fixture.price(Self.composed) == .pence(1_000))
        #expect(try await fixture.price(Self.decomposed) == .pence(100))
    }

    @Test("a name that changes only in its form is changed")
    func renamed() async throws {
        try await fixture.put("mug", Self.decomposed)
        let name = try await fixture.put("mug", Self.composed).name
        #expect(Array(name.utf8) == Array(Self.composed.utf8))
    }

    @Test("a price of two signs is refused, also in an import", arguments: [(Int64(1), Int32(-500_000_000)), (-1, 1)])
    func signs(units: Int64, nanos: Int32) async throws {
        try await fixture.put("mug", "Mug")
        let price = UnitPrice.with {
            $0.currency = "GBP"
            $0.units = units
            $0.nanos = nanos
        }
        let set = SetPriceRequest.with {
            $0.sku = "mug"
            $0.unitPrice = price
        }
        let fault = await refusal { try await fixture.client.setPrice(set, context: fixture.merchant) }
        #expect(fault?.violations == [FieldViolation(field: "unit_price.nanos", rule: UnitPrice.signsRule)])
        let request = ImportProductsRequest.with {
            $0.products = [
                .with {
                    $0.sku = "pen"
                    $0.name = "Pen"
                    $0.prices = [
                        .with {
                            $0.unitPrice = price
                            $0.effectiveFrom = Google_Protobuf_Timestamp(seconds: 1)
                        }
                    ]
                }
            ]
        }
        let imported = await refusal { try await fixture.client.importProducts(request, context: fixture.merchant) }
        #expect(imported?.violations.map(\.field) == ["products[0].prices[0].unit_price.nanos"])
    }

    @Test("a token of the products is none of a product's prices, nor one of another product's")
    func pageTokens() async throws {
        for sku in ["mug", "pen"] {
            try await fixture.put(sku, sku)
            for hours in 1...3 { try await fixture.price(sku, Int64(hours), after: .seconds(hours * 3_600)) }
        }
        let products = try await fixture.client.searchProducts(.with { $0.pageSize = 1 }, context: fixture.anonymous)
        func prices(_ sku: String, _ token: String) async throws -> ListPricesResponse {
            let request = ListPricesRequest.with {
                $0.sku = sku
                $0.pageSize = 1
                $0.pageToken = token
            }
            return try await fixture.client.listPrices(request, context: fixture.anonymous)
        }
        let own = try await prices("mug", "").page.nextPageToken
        #expect(try await prices("mug", own).prices.map(\.unitPrice) == [.pence(2)])
        for token in [products.page.nextPageToken, try await prices("pen", "").page.nextPageToken, "616263"] {
            let fault = await refusal { try await prices("mug", token) }
            #expect(fault?.code == .invalidArgument)
            #expect(fault?.violations.map(\.field) == ["page_token"])
        }
    }
}
