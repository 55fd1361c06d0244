import InventoryContract
import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import SwiftProtobuf

@testable import Inventory

/// The inventory service with an in-memory SQLite database, called over an in-process channel.
struct InventoryFixture {
    let time = ManualTime()
    let database: SQLiteDatabase
    /// What the service uses: `database`, as one that takes named locks.
    let lockingDatabase: LockingDatabase
    let service: InventoryService
    let client: InventoryClient
    let merchant = CallContext(
        principal: Principal(user: "merchant", scopes: ["inventory:read", "inventory:write"])
    )

    init() async throws {
        let (time, runtime) = (time, Runtime(time: time, seed: 1))
        database = try SQLiteDatabase.inMemory(time: time)
        lockingDatabase = LockingDatabase(database)
        try await database.migrate(ServiceRuntime.migrations(of: InventoryService.self))
        let services = LocalServices()
        service = InventoryService(
            on: Platform(
                service: InventoryService.name,
                settings: try NoSettings.read(),
                database: lockingDatabase,
                bus: InMemoryBus(time: time),
                runtime: runtime,
                workflows: WorkflowEngine(
                    service: InventoryService.name,
                    database: database,
                    runtime: runtime
                ),
                channels: { _ in LocalChannel(to: services, time: time) }
            )
        )
        services.add(service.handlers)
        client = InventoryClient(over: LocalChannel(to: services, time: time))
    }

    @discardableResult
    func reserve(
        _ id: String,
        _ lines: KeyValuePairs<String, UInt32>,
        hold: UInt32 = 0,
        context: CallContext? = nil
    ) async throws -> ReserveResponse {
        try await reserve(id, lines.map { ($0.key, $0.value) }, hold: hold, context: context)
    }

    @discardableResult
    func reserve(
        _ id: String,
        _ lines: [(String, UInt32)],
        hold: UInt32 = 0,
        context: CallContext? = nil
    ) async throws -> ReserveResponse {
        let request = ReserveRequest.with {
            $0.reservationID = id
            $0.holdSeconds = hold
            $0.lines = lines.map { sku, quantity in
                .with {
                    $0.sku = sku
                    $0.quantity = quantity
                }
            }
        }
        return try await client.reserve(request, context: context ?? merchant)
    }

    func confirm(_ id: String) async throws {
        _ = try await client.confirm(.with { $0.reservationID = id }, context: merchant)
    }

    func release(_ id: String) async throws {
        _ = try await client.release(.with { $0.reservationID = id }, context: merchant)
    }

    func receive(
        _ id: String,
        _ lines: KeyValuePairs<String, UInt32>,
        warehouse: String = "",
        kind: DeliveryKind = .purchase
    ) async throws {
        let request = ReceiveRequest.with {
            $0.deliveryID = id
            $0.kind = kind
            $0.warehouse = warehouse
            $0.lines = lines.map { line in
                .with {
                    $0.sku = line.key
                    $0.quantity = line.value
                }
            }
        }
        _ = try await client.receive(request, context: merchant)
    }

    func correct(_ id: String, _ sku: String, by change: Int32) async throws -> Int64 {
        let request = CorrectRequest.with {
            $0.correctionID = id
            $0.sku = sku
            $0.change = change
        }
        return try await client.correct(request, context: merchant).onHand
    }

    /// The levels of one SKU, by warehouse.
    func stock(_ sku: String) async throws -> [StockLevel] {
        try await client.getStock(.with { $0.sku = sku }, context: merchant).levels
    }

    func status(_ reservation: String) async throws -> ReservationStatus {
        try await client.getReservation(.with { $0.reservationID = reservation }, context: merchant).status
    }

    func expireDue() async throws {
        for job in service.jobs { try await job.run(on: lockingDatabase) }
    }

    /// The named locks of the transactions of this name, in their order.
    func locks(of transaction: String) -> [[ExactText]] { lockingDatabase.locks(of: transaction) }

    /// The unsent events of the outbox, in commit order.
    func published() async throws -> [StockMoved] {
        let events = try await database.read { tx in try Outbox.unsent(limit: 10_000, in: tx) }
        return try events.map { try InventoryTopics.movements.decode($0.body) }
    }

    /// The kinds of the events with one movement id.
    func publishedKinds(_ id: String) async throws -> [StockMoved.Kind] {
        try await published().filter { $0.movementID == id }.map(\.kind)
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
