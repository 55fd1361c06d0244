import CatalogContract
import MartletContract
import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import SharedContract
import SwiftProtobuf
import Testing

@testable import Catalog

@Suite("Products and prices")
struct ProductTests {
    let fixture: CatalogFixture

    init() async throws { fixture = try await CatalogFixture() }

    @Test("a change is published; an equal repeat is not")
    func changes() async throws {
        try await fixture.put("mug", "Mug")
        try await fixture.put("mug", "Mug")
        #expect(try await fixture.published().map(\.name) == ["Mug"])
        try await fixture.put("mug", "Mug, blue")
        try await fixture.put("mug", "Mug, blue", stocked: false)
        #expect(try await fixture.published().map(\.stocked) == [true, true, false])
        #expect(try await fixture.search("blue") == ["mug"])
    }

    @Test("a product is stocked unless the request states otherwise, also when it is replaced or imported")
    func stockedByDefault() async throws {
        func put(_ fill: (inout PutProductRequest) -> Void) async throws -> Bool {
            var request = PutProductRequest.with {
                $0.sku = "mug"
                $0.name = "Mug"
            }
            fill(&request)
            return try await fixture.client.putProduct(request, context: fixture.merchant).product.stocked
        }
        #expect(try await put { _ in })
        #expect(try await !put { $0.stocked = false })
        #expect(try await put { $0.stocked = true })
        #expect(try await put { $0.name = "Mug, blue" })

        let products = [nil, true, false].enumerated().map { number, stocked in
            ImportedProduct.with {
                $0.sku = "import-\(number)"
                $0.name = "Imported"
                if let stocked { $0.stocked = stocked }
            }
        }
        _ = try await fixture.client.importProducts(.with { $0.products = products }, context: fixture.merchant)
        let imported = try await fixture.published().filter { $0.name == "Imported" }
        #expect(imported.map(\.stocked) == [true, true, false])
    }

    @Test("a stored price that cannot be read is an error, not another price")
    func unreadable() async throws {
        try await fixture.put("mug", "Mug")
        try await fixture.price("mug", 255)
        try await fixture.database.transaction { tx in try tx.run("UPDATE prices SET nanos = 3000000000") }
        #expect(await refusal { try await fixture.price("mug") }?.code == .internal)
    }

    @Test("SKUs are case-sensitive")
    func caseOfCodes() async throws {
        try await fixture.put("85123a", "small")
        try await fixture.put("85123A", "large")
        #expect(
            try await fixture.client.getProduct(.with { $0.sku = "85123A" }, context: fixture.anonymous).product.name
                == "large"
        )
        #expect(try await fixture.search("85123a") == ["85123A", "85123a"])
    }

    @Test("the current price is the latest effective one")
    func effectiveDates() async throws {
        try await fixture.put("mug", "Mug")
        #expect(try await fixture.price("mug") == nil)
        try await fixture.price("mug", 255)
        try await fixture.price("mug", 299, after: .seconds(3600))
        try await fixture.price("mug", 199, after: .seconds(-3600))
        #expect(try await fixture.price("mug") == .pence(255))

        fixture.time.advance(by: .seconds(3599))
        #expect(try await fixture.price("mug") == .pence(255))
        fixture.time.advance(by: .seconds(1))
        #expect(try await fixture.price("mug") == .pence(299))
    }

    @Test("the price history is listed oldest first, in pages")
    func history() async throws {
        try await fixture.put("mug", "Mug")
        for hours in [3, 1, 2, 5, 4] { try await fixture.price("mug", Int64(hours), after: .seconds(hours * 3600)) }
        try await fixture.price("mug", 30, after: .seconds(3 * 3600))
        var seen: [UnitPrice] = []
        var token = ""
        repeat {
            let page = try await fixture.client.listPrices(
                .with {
                    $0.sku = "mug"
                    $0.pageSize = 2
                    $0.pageToken = token
                },
                context: fixture.anonymous
            )
            seen += page.prices.map(\.unitPrice)
            token = page.page.nextPageToken
        } while !token.isEmpty
        #expect(seen == [1, 2, 30, 4, 5].map { UnitPrice.pence($0) })
    }

    @Test("prices are exact, also below a penny and below zero")
    func exactPrices() async throws {
        try await fixture.put("mug", "Mug")
        for nanos in [1, 10_000_001, -1, -1_234_567_891, 999_999_999_999] as [Int128] {
            let price = UnitPrice(Amount(nanos: nanos), currency: "GBP")
            _ = try await fixture.client.setPrice(
                .with {
                    $0.sku = "mug"
                    $0.unitPrice = price
                },
                context: fixture.merchant
            )
            #expect(try await fixture.price("mug")?.amount.nanos == nanos)
        }
    }

    @Test("a repeated import changes and publishes nothing")
    func importing() async throws {
        let request = ImportProductsRequest.with {
            $0.products = ["mug", "pen"].map { (sku: String) in
                ImportedProduct.with {
                    $0.sku = sku
                    $0.name = "A \(sku)"
                    $0.stocked = true
                    $0.prices = [100, 200].map { (pence: Int64) in
                        Price.with {
                            $0.unitPrice = .pence(pence)
                            $0.effectiveFrom = Google_Protobuf_Timestamp(Timestamp(seconds: pence))
                        }
                    }
                }
            }
        }
        let response = try await fixture.client.importProducts(request, context: fixture.merchant)
        #expect(response.products == 2)
        #expect(response.prices == 4)
        let events = try await fixture.published()
        #expect(Set(events.map(\.sku)) == ["mug", "pen"])
        let again = try await fixture.client.importProducts(request, context: fixture.merchant)
        #expect(again == response)
        #expect(try await fixture.published() == events)
        #expect(try await fixture.price("pen") == .pence(200))
    }

    @Test("duplicates within an import: the last one wins, and a repeat changes nothing")
    func importingTwice() async throws {
        let request = ImportProductsRequest.with {
            $0.products = [("Mug", Int64(100)), ("Mug, blue", 200)].map { (name: String, pence: Int64) in
                ImportedProduct.with {
                    $0.sku = "mug"
                    $0.name = name
                    $0.prices = [pence, pence + 1].map { (pence: Int64) in
                        Price.with {
                            $0.unitPrice = .pence(pence)
                            $0.effectiveFrom = Google_Protobuf_Timestamp(Timestamp(seconds: 1))
                        }
                    }
                }
            }
        }
        _ = try await fixture.client.importProducts(request, context: fixture.merchant)
        #expect(try await fixture.price("mug") == .pence(201))
        #expect(try await fixture.search("blue") == ["mug"])
        let events = try await fixture.published()
        _ = try await fixture.client.importProducts(request, context: fixture.merchant)
        #expect(try await fixture.published() == events)
    }

    @Test("an import publishes a product once for all its prices")
    func longHistory() async throws {
        let request = ImportProductsRequest.with {
            $0.products = ["mug", "pen"].map { (sku: String) in
                .with {
                    $0.sku = sku
                    $0.name = sku
                    $0.prices = (0..<1_000).map { day in
                        .with {
                            $0.unitPrice = UnitPrice.pence(Int64(day))
                            $0.effectiveFrom = Google_Protobuf_Timestamp(seconds: Int64(day) * 86_400)
                        }
                    }
                }
            }
        }
        _ = try await fixture.client.importProducts(request, context: fixture.merchant)
        // Once for the product, once for its prices.
        #expect(try await fixture.published().map(\.sku) == ["mug", "mug", "pen", "pen"])
    }

    @Test("a currency that does not exist is refused", arguments: ["gbp", "12A", "£££", "JPN", "GPB", "ZZZ", "XTS"])
    func currencies(code: String) async throws {
        _ = try await fixture.put("mug", "Mug")
        let price = SetPriceRequest.with {
            $0.sku = "mug"
            $0.unitPrice = UnitPrice.pence(100)
            $0.unitPrice.currency = code
        }
        let set = await refusal { try await fixture.client.setPrice(price, context: fixture.merchant) }
        #expect(set?.code == .invalidArgument)
        #expect(set?.violations.map(\.field) == ["unit_price.currency"])
        let request = ImportProductsRequest.with {
            $0.products = ["pen", "pin"].map { (sku: String) in
                .with {
                    $0.sku = sku
                    $0.name = sku
                    $0.prices = ["GBP", sku == "pin" ? code : "GBP"].enumerated().map { day, currency in
                        .with {
                            $0.unitPrice = UnitPrice.pence(100)
                            $0.unitPrice.currency = currency
                            $0.effectiveFrom = Google_Protobuf_Timestamp(seconds: Int64(day))
                        }
                    }
                }
            }
        }
        let imported = await refusal { try await fixture.client.importProducts(request, context: fixture.merchant) }
        #expect(imported?.violations.map(\.field) == ["products[1].prices[1].unit_price.currency"])
        #expect(try await fixture.price("mug") == nil)
    }

    @Test("an import is atomic")
    func importAllOrNone() async throws {
        let request = ImportProductsRequest.with {
            $0.products = ["mug", ""].map { (sku: String) in
                ImportedProduct.with {
                    $0.sku = sku
                    $0.name = "A product"
                }
            }
        }
        let fault = await refusal { try await fixture.client.importProducts(request, context: fixture.merchant) }
        #expect(fault?.violations.map(\.field) == ["products[1].sku"])
        #expect(try await fixture.search("") == [])
        #expect(try await fixture.published() == [])
    }

    @Test("quotes omit unknown products and those without a price")
    func quotes() async throws {
        try await fixture.put("mug", "Mug")
        try await fixture.put("pen", "Pen")
        try await fixture.put("POST", "Postage", stocked: false)
        try await fixture.price("mug", 255)
        try await fixture.price("POST", 400)
        let service = CallContext(principal: Principal(service: "orders", for: .user("ann")))
        let quotes = try await fixture.client.quotePrices(
            .with { $0.skus = ["pen", "mug", "POST", "mug", "nothing"] },
            context: service
        ).quotes
        #expect(quotes.map(\.sku) == ["POST", "mug"])
        #expect(quotes.map(\.stocked) == [false, true])
        #expect(quotes.map(\.unitPrice) == [.pence(400), .pence(255)])
        let fault = await refusal {
            try await fixture.client.quotePrices(.with { $0.skus = ["mug"] }, context: fixture.merchant)
        }
        #expect(fault?.code == .permissionDenied)
    }

    @Test("an unknown SKU is refused with its field")
    func unknown() async throws {
        let get = await refusal { try await fixture.price("nothing") }
        let set = await refusal { try await fixture.price("nothing", 1) }
        for fault in [get, set] {
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "catalog.unknown_sku")
            #expect(fault?.violations.map(\.field) == ["sku"])
        }
        let list = await refusal {
            try await fixture.client.listPrices(.with { $0.sku = "nothing" }, context: fixture.anonymous)
        }
        #expect(list?.reason == "catalog.unknown_sku")
    }
}
