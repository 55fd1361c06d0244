import CatalogContract
import MartletContract
import MartletCore
import MartletTesting
import SharedContract
import SwiftProtobuf
import Testing

@testable import Catalog

@Suite("Products and prices, with their real tables")
struct ProductTests {
    let world: CatalogWorld

    init() async throws { world = try await CatalogWorld() }

    @Test("are told when they change, and only then")
    func changes() async throws {
        try await world.put("mug", "Mug")
        try await world.put("mug", "Mug")
        #expect(try await world.published().map(\.name) == ["Mug"])
        try await world.put("mug", "Mug, blue")
        try await world.put("mug", "Mug, blue", stocked: false)
        #expect(try await world.published().map(\.stocked) == [true, true, false])
        #expect(try await world.search("blue") == ["mug"])
    }

    @Test("keep the case of their codes apart")
    func caseOfCodes() async throws {
        try await world.put("85123a", "small")
        try await world.put("85123A", "large")
        #expect(
            try await world.client.getProduct(.with { $0.sku = "85123A" }, context: world.anybody).product.name
                == "large"
        )
        #expect(try await world.search("85123a") == ["85123A", "85123a"])
    }

    @Test("have the price that holds by the clock")
    func effectiveDates() async throws {
        try await world.put("mug", "Mug")
        #expect(try await world.price("mug") == nil)
        try await world.price("mug", 255)
        try await world.price("mug", 299, after: .seconds(3600))
        try await world.price("mug", 199, after: .seconds(-3600))
        #expect(try await world.price("mug") == .pence(255))

        world.time.advance(by: .seconds(3599))
        #expect(try await world.price("mug") == .pence(255))
        world.time.advance(by: .seconds(1))
        #expect(try await world.price("mug") == .pence(299))
    }

    @Test("keep the history of their prices, oldest first, page by page")
    func history() async throws {
        try await world.put("mug", "Mug")
        for hours in [3, 1, 2, 5, 4] { try await world.price("mug", Int64(hours), after: .seconds(hours * 3600)) }
        try await world.price("mug", 30, after: .seconds(3 * 3600))
        var seen: [UnitPrice] = []
        var token = ""
        repeat {
            let page = try await world.client.listPrices(
                .with {
                    $0.sku = "mug"
                    $0.pageSize = 2
                    $0.pageToken = token
                },
                context: world.anybody
            )
            seen += page.prices.map(\.unitPrice)
            token = page.page.nextPageToken
        } while !token.isEmpty
        #expect(seen == [1, 2, 30, 4, 5].map { UnitPrice.pence($0) })
    }

    @Test("keep a price exactly, finer than a penny and below zero")
    func exactPrices() async throws {
        try await world.put("mug", "Mug")
        for nanos in [1, 10_000_001, -1, -1_234_567_891, 999_999_999_999] as [Int128] {
            let price = UnitPrice(Amount(nanos: nanos), currency: "GBP")
            _ = try await world.client.setPrice(
                .with {
                    $0.sku = "mug"
                    $0.unitPrice = price
                },
                context: world.merchant
            )
            #expect(try await world.price("mug")?.amount.nanos == nanos)
        }
    }

    @Test("change nothing and tell nothing when they are imported again")
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
        let answer = try await world.client.importProducts(request, context: world.merchant)
        #expect(answer.products == 2)
        #expect(answer.prices == 4)
        let told = try await world.published()
        #expect(Set(told.map(\.sku)) == ["mug", "pen"])
        let again = try await world.client.importProducts(request, context: world.merchant)
        #expect(again == answer)
        #expect(try await world.published() == told)
        #expect(try await world.price("pen") == .pence(200))
    }

    @Test("that one import names twice are what it says last, and a repeat still changes nothing")
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
        _ = try await world.client.importProducts(request, context: world.merchant)
        #expect(try await world.price("mug") == .pence(201))
        #expect(try await world.search("blue") == ["mug"])
        let told = try await world.published()
        _ = try await world.client.importProducts(request, context: world.merchant)
        #expect(try await world.published() == told)
    }

    @Test("with a long history are told once for all of it")
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
        _ = try await world.client.importProducts(request, context: world.merchant)
        // Once for the product, once for its prices.
        #expect(try await world.published().map(\.sku) == ["mug", "mug", "pen", "pen"])
    }

    @Test("are priced in a currency, by its code", arguments: ["gbp", "12A", "£££"])
    func currencies(code: String) async throws {
        _ = try await world.put("mug", "Mug")
        let price = SetPriceRequest.with {
            $0.sku = "mug"
            $0.unitPrice = UnitPrice.pence(100)
            $0.unitPrice.currency = code
        }
        let set = await refusal { try await world.client.setPrice(price, context: world.merchant) }
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
        let imported = await refusal { try await world.client.importProducts(request, context: world.merchant) }
        #expect(imported?.violations.map(\.field) == ["products[1].prices[1].unit_price.currency"])
        #expect(try await world.price("mug") == nil)
    }

    @Test("are imported all or none")
    func importAllOrNone() async throws {
        let request = ImportProductsRequest.with {
            $0.products = ["mug", ""].map { (sku: String) in
                ImportedProduct.with {
                    $0.sku = sku
                    $0.name = "A product"
                }
            }
        }
        let fault = await refusal { try await world.client.importProducts(request, context: world.merchant) }
        #expect(fault?.violations.map(\.field) == ["products[1].sku"])
        #expect(try await world.search("") == [])
        #expect(try await world.published() == [])
    }

    @Test("are quoted for others, but for those that are unknown or have no price")
    func quotes() async throws {
        try await world.put("mug", "Mug")
        try await world.put("pen", "Pen")
        try await world.put("POST", "Postage", stocked: false)
        try await world.price("mug", 255)
        try await world.price("POST", 400)
        let service = CallContext(principal: Principal(kind: .service, id: "orders", scopes: []))
        let quotes = try await world.client.quotePrices(
            .with { $0.skus = ["pen", "mug", "POST", "mug", "nothing"] },
            context: service
        ).quotes
        #expect(quotes.map(\.sku) == ["POST", "mug"])
        #expect(quotes.map(\.stocked) == [false, true])
        #expect(quotes.map(\.unitPrice) == [.pence(400), .pence(255)])
        let fault = await refusal {
            try await world.client.quotePrices(.with { $0.skus = ["mug"] }, context: world.merchant)
        }
        #expect(fault?.code == .permissionDenied)
    }

    @Test("are refused by name when they are unknown")
    func unknown() async throws {
        let get = await refusal { try await world.price("nothing") }
        let set = await refusal { try await world.price("nothing", 1) }
        for fault in [get, set] {
            #expect(fault?.code == .notFound)
            #expect(fault?.reason == "catalog.unknown_sku")
            #expect(fault?.violations.map(\.field) == ["sku"])
        }
        let list = await refusal {
            try await world.client.listPrices(.with { $0.sku = "nothing" }, context: world.anybody)
        }
        #expect(list?.reason == "catalog.unknown_sku")
    }
}
