import MartletCore
import MartletEventLog
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import CLI

@Suite("Restored service", .timeLimit(.minutes(HangLimit.testMinutes)))
struct RestoredSystemTests {
    /// An event of orders, as in `a3`.
    private struct Event {
        let key: String
        let sequence: Int
        /// When it was committed, in microseconds.
        let time: Int
    }

    private let time = ManualTime()
    private let folder: TemporaryFolder
    /// All that orders has published, and holds.
    private let events = [
        Event(key: "a", sequence: 1, time: 10), Event(key: "a", sequence: 2, time: 20),
        Event(key: "a", sequence: 3, time: 30), Event(key: "b", sequence: 1, time: 5),
    ]

    init() async throws { folder = try TemporaryFolder() }

    @Test("what it has not handled and the log has purged is published again by its source, from the oldest on")
    func purged() async throws {
        // The log has purged a1 and a2; a1 was handled before the backup.
        let report = try await restoreCarts { $0.sequence == 3 || $0.key == "b" }
        #expect(report.resends == ["orders"])
        #expect(report.lost.isEmpty)
        #expect(try await resends() == [20])
    }

    @Test("no source publishes again what the log holds")
    func stored() async throws {
        let report = try await restoreCarts { $0.key == "b" || $0.sequence > 1 }
        #expect(report.resends.isEmpty)
        #expect(report.lost.isEmpty)
        #expect(try await resends() == [])
    }

    /// Restores carts from a backup that has handled a1 only.
    ///
    /// - Parameter isStored: Whether the log still holds an event.
    private func restoreCarts(_ isStored: (Event) -> Bool) async throws -> RestoreReport {
        try await plantOrders()
        try await plantCarts()
        try await plantLog(events.filter(isStored))
        let files = ["orders", "carts", "eventlog"].map {
            (name: $0, files: DatabaseFiles(folder: folder.path, name: $0))
        }
        var report = RestoreReport(restored: "carts")
        let system = try await RestoredSystem.open(files, time: time)
        try await system.finishService("carts", entropy: SeededEntropy(seed: 1), &report)
        await system.close()
        return report
    }

    /// Since when each resend of orders publishes, in microseconds.
    private func resends() async throws -> [Int64] {
        let orders = try database("orders")
        let resends = try await orders.read { tx in try Resends.list(before: 0, in: tx) }
        await orders.close()
        return resends.map(\.selection.since.microseconds)
    }

    private func database(_ name: String) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: folder.file("\(name).sqlite"), time: time)
    }

    private func plantOrders() async throws {
        let (orders, events) = (try database("orders"), events)
        try await orders.migrate(modules: Outbox.migrations)
        try await orders.transaction { tx in
            try tx.run(
                "INSERT INTO outbox_keys (topic, key, next_sequence, last_time) VALUES ('t', 'a', 4, 30), ('t', 'b', 2, 5)"
            )
            for event in events {
                try tx.run(
                    """
                    INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body, sent_at)
                    VALUES ('t', \(event.key), 1, \(event.sequence), 0, \(event.time), X'00', \(event.time))
                    """
                )
            }
        }
        await orders.close()
    }

    private func plantCarts() async throws {
        let carts = try database("carts")
        try await carts.migrate(modules: Outbox.migrations)
        try await carts.transaction { tx in
            try tx.run(
                "INSERT INTO inbox_groups (group_name, topic, began_at, before_count) VALUES ('carts', 't', 0, 0)"
            )
            try tx.run(
                """
                INSERT INTO inbox_positions (group_name, topic, key, source, epoch, last_sequence)
                VALUES ('carts', 't', 'a', 'orders', 1, 1)
                """
            )
        }
        await carts.close()
    }

    private func plantLog(_ events: [Event]) async throws {
        let log = try database("eventlog")
        try await EventLogRestore.migrate(log)
        try await log.transaction { tx in
            try tx.run("INSERT INTO log_topics (id, name) VALUES (1, 't')")
            for (number, event) in events.enumerated() {
                try tx.run(
                    """
                    INSERT INTO log_events (topic_id, partition, number, id, source, epoch, key, sequence, time, tenant,
                        body, stored_at)
                    VALUES (1, 0, \(number + 1), \("\(event.key)\(event.sequence)"), 'orders', 1, \(event.key),
                        \(event.sequence), \(event.time), '', X'00', \(event.time))
                    """
                )
            }
        }
        await log.close()
    }
}
