import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import PaymentsContract
import Provider
import ProviderContract
import SharedContract
import SwiftProtobuf

@testable import Payments

/// The payments service with an in-memory SQLite database and a provider.
struct PaymentsFixture {
    let time: ManualTime
    let database: SQLiteDatabase
    let client: PaymentsClient
    let orders = CallContext(principal: Principal(service: "orders", for: .user("alice")))
    /// What the provider sees.
    let payments = CallContext(principal: Principal(service: "payments", for: .user("alice")))
    let olga = CallContext(principal: Principal(user: "olga", scopes: ["payments:read", "payments:write"]))

    /// - Parameter provider: The test's own.
    init(_ provider: some PaymentProvider) async throws {
        time = ManualTime()
        database = try await Self.database(PaymentsService.self, time)
        let services = LocalServices()
        let processor = PaymentProcessor(database: database, store: PaymentStore(), provider: provider)
        services.add([
            .payments(PaymentsHandler(processor: processor), on: TestPlatform(service: "payments", database: database))
        ])
        client = PaymentsClient(over: LocalChannel(to: services, time: time))
    }

    /// The services payments and provider, each with its own database; also returns the provider's client.
    static func withTestProvider() async throws -> (PaymentsFixture, ProviderClient) {
        let time = ManualTime()
        let services = LocalServices()
        let provider = ProviderService(
            on: try await platform(
                of: ProviderService.self,
                database: try await database(ProviderService.self, time),
                time: time,
                services: services
            )
        )
        services.add(provider.handlers)
        let database = try await database(PaymentsService.self, time)
        let payments = PaymentsService(
            on: try await platform(
                of: PaymentsService.self,
                database: database,
                time: time,
                services: services
            )
        )
        services.add(payments.handlers)
        let channel = LocalChannel(to: services, time: time)
        return (
            PaymentsFixture(time: time, database: database, client: PaymentsClient(over: channel)),
            ProviderClient(over: channel)
        )
    }

    private init(time: ManualTime, database: SQLiteDatabase, client: PaymentsClient) {
        self.time = time
        self.database = database
        self.client = client
    }

    private static func database<S: ServiceBlueprint>(
        _ service: S.Type,
        _ time: ManualTime
    ) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: service))
        return database
    }

    private static func platform<S: ServiceBlueprint>(
        of service: S.Type,
        database: SQLiteDatabase,
        time: ManualTime,
        services: LocalServices
    ) async throws -> Platform {
        let runtime = Runtime(time: time, seed: 1)
        return Platform(
            service: S.name,
            settings: try S.Settings.read(),
            database: database,
            bus: InMemoryBus(time: time),
            runtime: runtime,
            workflows: WorkflowEngine(service: S.name, database: database, runtime: runtime),
            channels: { _ in LocalChannel(to: services, time: time) }
        )
    }

    // MARK: Calls

    func authorise(
        _ id: String = "p1",
        _ amount: Int64 = 100,
        currency: String = "GBP",
        method: String = "pm_test_by_amount"
    ) async throws {
        let request = AuthoriseRequest.with {
            $0.paymentID = id
            $0.orderID = "o-\(id)"
            $0.amount = Money(amount, currency: currency)
            $0.paymentMethod = method
        }
        _ = try await client.authorise(request, context: orders)
    }

    @discardableResult
    func capture(_ id: String = "p1") async throws -> Int64 {
        try await client.capture(.with { $0.paymentID = id }, context: orders).captured.minorUnits
    }

    func void(_ id: String = "p1") async throws {
        _ = try await client.voidPayment(.with { $0.paymentID = id }, context: orders)
    }

    @discardableResult
    func refund(
        _ refund: String,
        _ amount: Int64,
        of id: String = "p1",
        currency: String = "GBP"
    ) async throws -> Int64 {
        let request = RefundRequest.with {
            $0.paymentID = id
            $0.refundID = refund
            $0.amount = Money(amount, currency: currency)
        }
        return try await client.refund(request, context: orders).refunded.minorUnits
    }

    func payment(_ id: String = "p1") async throws -> GetPaymentResponse {
        try await client.getPayment(.with { $0.paymentID = id }, context: olga)
    }

    /// What still differs, after an operator has had the payment compared again.
    func check(_ id: String = "p1") async throws -> String {
        try await client.checkPayment(.with { $0.paymentID = id }, context: olga).difference
    }

    func disagreements() async throws -> [ListDisagreementsResponse.Disagreement] {
        try await client.listDisagreements(ListDisagreementsRequest(), context: olga).disagreements
    }

    func balance() async throws -> GetTrialBalanceResponse {
        try await client.getTrialBalance(GetTrialBalanceRequest(), context: olga)
    }

    func reconciliation() async throws -> ReconcileResponse {
        try await client.reconcile(ReconcileRequest(), context: olga)
    }

    /// Account → debits less credits.
    func balances() async throws -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: try await balance().accounts.map { ($0.name, $0.debits - $0.credits) })
    }

    func publishedStatuses(_ id: String = "p1") async throws -> [PaymentStatus] {
        let messages = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try messages.map { try PaymentsTopics.payments.decode($0.body) }.filter { $0.paymentID == id }.map(
            \.status
        )
    }

    /// How many write transactions `body` commits.
    func writes(_ body: () async throws -> Void) async rethrows -> Int {
        let before = database.statistics.transactions
        try await body()
        return database.statistics.transactions - before
    }

    /// Retries a step until it succeeds or is refused.
    func retry(_ step: () async throws -> Void) async -> Fault? {
        for _ in 1...10 {
            let fault = await refusal(step)
            if fault?.code.outcome != .unknown { return fault }
        }
        return Fault(.unknown, .outcomeUnknown, "no outcome after ten attempts")
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
