import CatalogContract
import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import SharedContract
import SwiftProtobuf

@testable import Catalog

/// The catalogue with an in-memory SQLite database, called over an in-process channel.
struct CatalogFixture {
    let time = ManualTime()
    let database: SQLiteDatabase
    let client: CatalogClient
    let merchant = CallContext(principal: Principal(user: "merchant", scopes: ["catalog:write"]))
    let anonymous = CallContext()

    init() async throws {
        let (time, runtime) = (time, Runtime(time: time, seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: CatalogService.self))
        let services = LocalServices()
        let service = CatalogService(
            on: Platform(
                service: CatalogService.name,
                settings: try NoSettings.read(),
                database: database,
                bus: InMemoryBus(time: time),
                runtime: runtime,
                workflows: WorkflowEngine(
                    service: CatalogService.name,
                    database: database,
                    runtime: runtime
                ),
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        services.add(service.handlers)
        client = CatalogClient(over: LocalChannel(to: services, time: time))
    }

    @discardableResult
    func put(_ sku: String, _ name: String, stocked: Bool = true) async throws -> CatalogContract.Product {
        let request = PutProductRequest.with {
            $0.sku = sku
            $0.name = name
            $0.stocked = stocked
        }
        return try await client.putProduct(request, context: merchant).product
    }

    /// - Parameter after: From now; `nil` for a request without an effective time.
    func price(_ sku: String, _ pence: Int64, after: Duration? = nil) async throws {
        let request = SetPriceRequest.with {
            $0.sku = sku
            $0.unitPrice = .pence(pence)
            if let after { $0.effectiveFrom = Google_Protobuf_Timestamp(time.date + after) }
        }
        _ = try await client.setPrice(request, context: merchant)
    }

    /// The current price; `nil` when there is none.
    func price(_ sku: String) async throws -> UnitPrice? {
        let product = try await client.getProduct(.with { $0.sku = sku }, context: anonymous).product
        return product.hasPrice ? product.price : nil
    }

    /// The SKUs of all pages of a search.
    func search(_ query: String, pageSize: UInt32 = 0) async throws -> [String] {
        var found: [String] = []
        var token = ""
        repeat {
            let page = try await client.searchProducts(
                .with {
                    $0.query = query
                    $0.pageSize = pageSize
                    $0.pageToken = token
                },
                context: anonymous
            )
            found += page.products.map(\.sku)
            token = page.page.nextPageToken
        } while !token.isEmpty
        return found
    }

    func published() async throws -> [ProductChanged] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try CatalogTopics.products.decode($0.body) }
    }
}

extension UnitPrice {
    static func pence(_ pence: Int64) -> UnitPrice {
        UnitPrice(Amount(nanos: Int128(pence) * 10_000_000), currency: "GBP")
    }
}

/// The fault that `body` throws; `nil` when it succeeds.
func refusal<R>(_ body: () async throws -> R) async -> Fault? {
    do {
        _ = try await body()
        return nil
    } catch {
        return Fault(describing: error)
    }
}
