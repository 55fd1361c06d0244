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

    /// - Throws: ``CommandFailure`` when the stock was opened at another factor; ``ShopProblem`` for another refusal.
    /// - Parameter progress: Receives the number of imported products and their total.
    func run(progress: @Sendable (Int, Int) -> Void) async throws -> Outcome {
        var outcome = Outcome()
        let products = plan.products
        for start in stride(from: 0, to: products.count, by: Self.productsPerRequest) {
            let slice = products[start..<min(start + Self.productsPerRequest, products.count)]
            let request = ImportProductsRequest.with { $0.products = slice.map(\.imported) }
            let response = try await shop.send(
                "POST",
                "/v1/products:import",
                key: nil,
                body: request,
                as: ImportProductsResponse.self
            )
            outcome.products += Int(response.products)
            outcome.prices += Int(response.prices)
            progress(min(start + Self.productsPerRequest, products.count), products.count)
        }
        let lines = products.map { (sku: $0.sku, units: $0.opening(at: factor)) }.filter { $0.units > 0 }
        for (index, start) in stride(from: 0, to: lines.count, by: Self.linesPerDelivery).enumerated() {
            let slice = lines[start..<min(start + Self.linesPerDelivery, lines.count)]
            let id = "opening-\(fingerprint)-\(index)"
            let request = ReceiveRequest.with {
                $0.kind = .purchase
                $0.lines = slice.map { line in
                    .with {
                        $0.sku = line.sku
                        $0.quantity = UInt32(line.units)
                    }
                }
            }
            do {
                let _: ReceiveResponse = try await shop.send("PUT", "/v1/deliveries/\(id)", body: request)
            } catch let problem as ShopProblem where problem.reason == "inventory.movement_mismatch" {
                throw CommandFailure(
                    "this stock was opened with another --stock-factor: give the same one, "
                        + "or start a shop on a fresh --data folder"
                )
            }
            outcome.openingUnits += slice.reduce(0) { $0 + $1.units }
        }
        return outcome
    }

    /// Identifies the plan's stock regardless of the factor: a second opening at another factor is refused, not added.
    private var fingerprint: String {
        var hash = FNV1a()
        for product in plan.products { hash.add("\(product.sku)=\(product.openingUnits);") }
        return String(hash.value, radix: 16)
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
