import Foundation
import Logging
import MartletContract
import MartletCore
import MartletDaemon
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import OrdersContract
import SharedContract
import Testing

@testable import Shop

/// All services in one process, each with a file of its own.
@Suite("What a customer wrote, in the files of all services", .timeLimit(.minutes(HangLimit.testMinutes)))
struct ShopCustomerTextTests {
    private static let words = "it is for my neighbour Ms Smith"
    private static let alice = CallContext(
        principal: Principal(user: "alice", scopes: ["orders:write", "orders:read"])
    )
    private static let merchant = CallContext(
        principal: Principal(user: "merchant", scopes: ["orders:agreed-price"]),
        idempotencyKey: "order"
    )

    private let time = ManualTime()
    private let folder: TemporaryFolder
    private let services: [ServiceRuntime]
    private let databases: [(service: String, database: SQLiteDatabase)]
    private let orders: OrdersClient

    init() async throws {
        let (time, folder) = (time, try TemporaryFolder())
        self.folder = folder
        var opened: [(service: String, database: SQLiteDatabase)] = []
        services = try await ShopProgram.services(
            policy: BusPolicy(topologyAt: ShopTopologyTests.root.appendingPathComponent("martlet.json").path),
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { name in
                let database = try SQLiteDatabase(path: folder.file("\(name).sqlite"), time: time)
                opened.append((name, database))
                return database
            }
        )
        databases = opened
        let local = LocalServices()
        for service in services { local.add(service.contracts) }
        orders = OrdersClient(over: LocalChannel(to: local, time: time))
    }

    /// An order of a service alone: its checkout takes no stock.
    private func place() async throws -> String {
        var line = AgreedLine()
        line.sku = "POST"
        line.quantity = 1
        line.service = true
        line.unitPrice = UnitPrice(Amount(nanos: 4_000_000_000), currency: "GBP")
        var request = PlaceAgreedOrderRequest()
        request.reference = "536365"
        request.customerID = "alice"
        request.paymentMethod = "pm_test_ok"
        request.lines = [line]
        return try await orders.placeAgreedOrder(request, context: Self.merchant).order.orderID
    }

    private func cancel(_ id: String) async throws {
        var request = CancelOrderRequest()
        request.orderID = id
        request.reason = Self.words
        _ = try await orders.cancelOrder(request, context: Self.alice)
    }

    private func order(_ id: String) async throws -> OrdersContract.Order {
        var request = GetOrderRequest()
        request.orderID = id
        return try await orders.getOrder(request, context: Self.alice).order
    }

    /// The tables with the text, each with its service.
    private func tables() async throws -> [String] {
        var found: [String] = []
        for (service, database) in databases {
            let tables = try await database.read { tx in
                try StoredTextSearch.tables(containing: Self.words, in: tx)
            }
            found += tables.map { "\(service) \($0)" }
        }
        return found
    }

    private func hasUnsent() async throws -> Bool {
        for (service, database) in databases where service != "eventlog" {
            let rows = try await database.read { tx in try tx.run("SELECT 1 FROM audit_outbox WHERE sent_at IS NULL") }
            if !rows.isEmpty { return true }
        }
        return false
    }

    /// Lets time pass until `condition` holds.
    private func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() {
            time.advance(by: .milliseconds(1))
            await Task.yield()
        }
    }

    @Test("stands in one table, is shown, and is gone after its retention")
    func stored() async throws {
        let id = try await place()
        // Before its checkout runs, which then ends with the cancellation.
        try await cancel(id)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in services.flatMap(\.loops) { group.addTask { try await loop.run() } }
            defer { group.cancelAll() }
            try await until { try await order(id).status == .cancelled }
            try await until { try await !hasUnsent() }
            #expect(try await order(id).reason == Self.words)
            #expect(try await tables() == ["orders customer_texts"])

            time.advance(by: .seconds(91 * 24 * 3_600))
            #expect(try await order(id).reason == "")
            try await until { try await tables().isEmpty }
            #expect(try await order(id).status == .cancelled)
        }
        for (_, database) in databases { await database.close() }
    }
}
