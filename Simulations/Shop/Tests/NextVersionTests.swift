import Foundation
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSimulation
import MartletTesting
import Orders
import OrdersContract
import SimulatedCluster
import SimulatedDisk
import SwiftProtobuf
import Testing

@testable import ShopSimulation

@Suite("Next version of a service")
struct NextVersionTests {
    /// A database of the Orders service, migrated by the next version.
    private func ordersDatabase(_ body: @escaping @Sendable (any SQLDatabase) async throws -> Void) throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
            try store.open(time: simulation.time) { _ in }
            let database = try store.current()
            try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
            try await database.migrate(ServiceRuntime.migrations(of: NextVersion<OrdersService>.self))
            try await body(database)
        }
    }

    @Test("its migration leaves a database on which this version starts")
    func migrations() throws {
        try ordersDatabase { database in
            try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
            try await Self.append(on: database)
            let by = try await database.read("look", deadline: nil) { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT written_by FROM outbox").map { try $0.text(0) }
            }
            #expect(by == ["this version"])
        }
    }

    @Test("adds a field to events that this version preserves, and a member to stored events that it ignores")
    func fields() throws {
        try ordersDatabase { database in
            let next: any SQLDatabase = NextDatabase(database: database, hasStreams: true, hasColumn: true)
            try await Self.append(on: next)
            let (body, by, event) = try await next.read("look", deadline: nil) { (tx: borrowing SQLTransaction) in
                let row = try #require(try tx.run("SELECT body, written_by FROM outbox").first)
                let event = try #require(try tx.run("SELECT body FROM es_events").first)
                return try (row.bytes(0), row.text(1), event.text(0))
            }
            #expect(by == "the next version")
            #expect(event == #"{"confirmed":{"written_by":"the next version"}}"#)
            let order = try OrderChanged(serializedBytes: body)
            #expect(order.orderID == "order-1")
            #expect(Array(order.unknownFields.data) == NextField.bytes)
            #expect(try Array(order.serializedData()) == body)
        }
    }

    @Test("begins runs that this version's replicas do not claim")
    func runs() throws {
        try ordersDatabase { database in
            let next: any SQLDatabase = NextDatabase(database: database, hasStreams: true, hasColumn: true)
            try await next.transaction("start", deadline: nil) { (tx: borrowing SQLTransaction) in
                try tx.run(
                    """
                    INSERT INTO workflow_runs (id, workflow, version, state, input, principal, lease_owner, fence, by_clock,
                        attempts, unknowns, forced, created_at, updated_at)
                    VALUES ('run', 'checkout', 1, 'open', '{}', '', 'me', 1, 1, 1, 0, 0, 0, 0)
                    """
                )
            }
            let run = try await database.read("look", deadline: nil) { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT version, lease_owner, fence FROM workflow_runs").first.map {
                    try ($0.int(0), $0.textIfPresent(1), $0.int(2))
                }
            }
            #expect(run?.0 == 2)
            #expect(run?.1 == nil)
            #expect(run?.2 == 2, "the former owner lost its claim")
        }
    }

    @Test("rollout and rollback beside this version: nothing is lost", arguments: [1, 2, 3, 4])
    func rollout(seed: UInt64) throws {
        let result = try ShopSimulation(points: [])
            .run(Scenario(seed: seed, orders: 20, faults: [.mixedVersions], isWhole: true))
        #expect(result.topology == "cluster")
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["mixedVersions", default: 0] > 0)
        #expect(result.outcomes["completed", default: 0] > 0)
    }

    @Test("a version that breaks the others waits for their instances, and refuses them afterwards")
    func breaking() throws {
        try ordersDatabase { database in
            try await SchemaInstance(
                of: database,
                migrations: ServiceRuntime.migrations(of: OrdersService.self),
                runtime: Runtime(time: ManualTime(), seed: 1)
            ).start()
            let breaking = ServiceRuntime.migrations(of: BreakingVersion<OrdersService>.self)
            await #expect(throws: SchemaInUse.self) { try await database.migrate(breaking) }
            try await Self.append(on: NextDatabase(database: database, hasStreams: true, hasColumn: true))
            try await database.transaction("end", deadline: nil) { (tx: borrowing SQLTransaction) in
                try tx.run("DELETE FROM schema_instances")
            }
            try await database.migrate(breaking)
            try await Self.append(
                on: NextDatabase(database: database, hasStreams: false, hasColumn: false),
                event: false
            )
            await #expect(throws: SchemaTooNew.self) {
                try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
            }
            await #expect(throws: SchemaTooNew.self) {
                try await database.migrate(ServiceRuntime.migrations(of: NextVersion<OrdersService>.self))
            }
        }
    }

    @Test("a step that breaks older replicas waits for them under load", arguments: [1, 2, 3, 4])
    func breakingRollout(seed: UInt64) throws {
        let result = try ShopSimulation(points: [])
            .run(Scenario(seed: seed, orders: 20, faults: [.mixedVersions, .versionBreaks], isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["versionBreaks"] == 1)
        #expect(result.outcomes["completed", default: 0] > 0)
    }

    /// - Parameter event: Whether an event is stored too.
    private static func append(on database: any SQLDatabase, event: Bool = true) async throws {
        try await database.transaction("append", deadline: nil) { (tx: borrowing SQLTransaction) in
            try tx.append(OutgoingEvent(OrderChanged.with { $0.orderID = "order-1" }, on: OrdersTopics.orders))
            guard event else { return }
            try tx.run(
                """
                INSERT INTO es_events (stream, version, type, schema, body, at)
                VALUES ('order-1', 1, 'confirmed', 1, '{"confirmed":{}}', 0)
                """
            )
        }
    }
}
