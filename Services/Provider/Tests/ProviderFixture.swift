import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import ProviderContract
import SwiftProtobuf

@testable import Provider

/// The test provider with an in-memory SQLite database, called over an in-process channel.
struct ProviderFixture {
    let time = ManualTime()
    let database: SQLiteDatabase
    let service: ProviderService
    let client: ProviderClient

    init() async throws {
        let (time, runtime) = (time, Runtime(time: time, seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: ProviderService.self))
        let services = LocalServices()
        service = ProviderService(
            on: Platform(
                service: ProviderService.name,
                settings: try NoSettings.read(),
                database: database,
                bus: InMemoryBus(time: time),
                runtime: runtime,
                workflows: WorkflowEngine(
                    service: ProviderService.name,
                    database: database,
                    runtime: runtime
                ),
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        services.add(service.handlers)
        client = ProviderClient(over: LocalChannel(to: services, time: time))
    }

    func context(_ key: String?) -> CallContext {
        CallContext(principal: Principal(service: "payments", for: .user("ann")), idempotencyKey: key)
    }

    func create(
        _ reference: String,
        _ amount: Int64 = 100,
        currency: String = "GBP",
        method: String = "pm_test_by_amount",
        key: String?
    ) async throws -> ProviderPayment {
        let request = CreatePaymentRequest.with {
            $0.reference = reference
            $0.currency = currency
            $0.amount = amount
            $0.paymentMethod = method
        }
        return try await client.createPayment(request, context: context(key)).payment
    }

    @discardableResult
    func capture(_ id: String, key: String?) async throws -> ProviderPayment {
        try await client.capturePayment(.with { $0.providerID = id }, context: context(key)).payment
    }

    @discardableResult
    func cancel(_ id: String, key: String?) async throws -> ProviderPayment {
        try await client.cancelPayment(.with { $0.providerID = id }, context: context(key)).payment
    }

    @discardableResult
    func refund(_ id: String, _ amount: Int64, reference: String, key: String?) async throws -> ProviderPayment {
        let request = CreateRefundRequest.with {
            $0.providerID = id
            $0.reference = reference
            $0.amount = amount
        }
        return try await client.createRefund(request, context: context(key)).payment
    }

    func find(_ reference: String) async throws -> [ProviderPayment] {
        try await client.findPayments(.with { $0.reference = reference }, context: context(nil)).payments
    }

    func ledger() async throws -> GetLedgerResponse {
        try await client.getLedger(GetLedgerRequest(), context: context(nil))
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
