import CatalogContract
import Console
import Foundation
import InventoryContract
import MartletCore
import SharedContract
import SwiftProtobuf

/// Imports a plan's products, prices and opening stock into the shop.
///
/// Idempotent.
struct CatalogImport: Sendable {
    /// The maximum number of products of one request.
    static let productsPerRequest = 200
    /// The maximum number of lines of one delivery.
    static let linesPerDelivery = 2_000
    /// The maximum opening stock of one stock code, in units: the shop's limit for a line of a delivery.
    static let openingUnitsMax = 1_000_000_000
    static let currency = "GBP"

    let plan: InvoicePlan
    let factor: StockFactor
    let shop: ShopClient

    /// What was sent.
    struct Outcome: Sendable {
        var products = 0
        var prices = 0
        var openingUnits = 0
    }

    /// - Throws: ``CommandFailure`` when the stock was opened at another factor, and for a refusal that is about one
    ///   stock code, which it names with the line of its first row; ``ShopProblem`` for another refusal.
    /// - Parameter progress: Receives the number of imported products and their total.
    func run(progress: @Sendable (Int, Int) -> Void) async throws -> Outcome {
        var outcome = Outcome()
        let products = plan.products
        for start in stride(from: 0, to: products.count, by: Self.productsPerRequest) {
            let slice = products[start..<min(start + Self.productsPerRequest, products.count)]
            let request = ImportProductsRequest.with { $0.products = slice.map(\.imported) }
            let response = try await namingStockCode(in: "products", slice) {
                try await shop.send("POST", "/v1/products:import", body: request, as: ImportProductsResponse.self)
            }
            outcome.products += Int(response.products)
            outcome.prices += Int(response.prices)
            progress(min(start + Self.productsPerRequest, products.count), products.count)
        }
        try await receive(&outcome)
        return outcome
    }

    /// Receives the opening stock.
    private func receive(_ outcome: inout Outcome) async throws {
        let stocked = plan.products.filter { $0.opening(at: factor) > 0 }
        if let most = stocked.first(where: { $0.opening(at: factor) > Self.openingUnitsMax }) {
            throw CommandFailure(
                "stock code \(most.sku) of line \(most.line) needs \(most.opening(at: factor)) units of opening stock, "
                    + "may need \(Self.openingUnitsMax)"
            )
        }
        for (index, start) in stride(from: 0, to: stocked.count, by: Self.linesPerDelivery).enumerated() {
            let slice = stocked[start..<min(start + Self.linesPerDelivery, stocked.count)]
            let id = "opening-\(fingerprint)-\(index)"
            let request = ReceiveRequest.with {
                $0.kind = .purchase
                $0.lines = slice.map { product in
                    .with {
                        $0.sku = product.sku
                        $0.quantity = UInt32(product.opening(at: factor))
                    }
                }
            }
            do {
                _ = try await namingStockCode(in: "lines", slice) {
                    try await shop.send("PUT", "/v1/deliveries/\(id)", body: request, as: ReceiveResponse.self)
                }
            } catch let problem as ShopProblem where problem.reason == "inventory.movement_mismatch" {
                throw CommandFailure(
                    "this stock was opened with another --stock-factor: give the same one, "
                        + "or start a shop on a fresh --data folder"
                )
            }
            outcome.openingUnits += slice.reduce(0) { $0 + $1.opening(at: factor) }
        }
    }

    /// Adds the stock code and its line to a refusal that is about an item of a list of the request.
    private func namingStockCode<R>(
        in list: String,
        _ products: ArraySlice<PlannedProduct>,
        _ body: () async throws -> R
    ) async throws -> R {
        do {
            return try await body()
        } catch let problem as ShopProblem {
            guard let index = problem.index(in: list), index < products.count else { throw problem }
            let product = products[products.startIndex + index]
            throw CommandFailure("stock code \(product.sku) of line \(product.line) was refused: \(problem)")
        }
    }

    /// Identifies the plan's stock regardless of the factor: a second opening at another factor is refused, not added.
    private var fingerprint: String {
        var hash = FNV1a()
        for product in plan.products { hash.add("\(Self.escaped(product.sku))=\(product.openingUnits);") }
        return String(hash.value, radix: 16)
    }

    /// Without separators, so that other stock codes never give the same text.
    private static func escaped(_ sku: String) -> String {
        sku.unicodeScalars.reduce(into: "") { text, scalar in
            if ["\\", "=", ";"].contains(scalar) { text.unicodeScalars.append("\\") }
            text.unicodeScalars.append(scalar)
        }
    }
}

extension PlannedProduct {
    fileprivate var imported: ImportedProduct {
        .with {
            $0.sku = sku
            $0.name = name
            $0.stocked = true
            $0.prices = prices.map { dated in
                .with {
                    $0.unitPrice = dated.price.unitPrice
                    $0.effectiveFrom = Google_Protobuf_Timestamp(seconds: dated.effective.seconds)
                }
            }
        }
    }
}

extension Mills {
    /// In pounds sterling, the currency of the invoices.
    var unitPrice: UnitPrice {
        .with {
            $0.currency = CatalogImport.currency
            $0.units = units
            $0.nanos = nanos
        }
    }
}
