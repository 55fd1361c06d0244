import Console
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
    private let origin = RestoreOrigin(who: "olga", file: "/backups/monday/carts.sqlite")
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

    @Test(
        "what the log has of a publisher beyond its backup is listed by key and epoch, and its epoch is above all of them"
    )
    func forgotten() async throws {
        try await plantOrders()
        let later = [Event(key: "a", sequence: 4, time: 40), Event(key: "a", sequence: 5, time: 50)]
        try await plantLog(events + later)
        // After an earlier restore that the backup does not know.
        try await plantLog([Event(key: "a", sequence: 1, time: 60), Event(key: "c", sequence: 1, time: 61)], epoch: 7)
        let report = try await restore("orders")
        #expect(report.forgotten.map(\.key) == ["a", "a", "c"])
        #expect(report.forgotten.map(\.epoch) == [1, 7, 7])
        #expect(report.forgotten.map { [$0.first, $0.last] } == [[4, 5], [1, 1], [1, 1]])
        #expect(report.epoch ?? 0 > 7)
        #expect(report.lost.isEmpty && report.resends.isEmpty)
    }

    @Test("a file of another service, or of a newer version that breaks this one, is refused, and closed")
    func refused() async throws {
        try await plantOrders()
        try await plantCarts()
        try await plantStep("orders", 1, in: "carts")
        let failure = try await #require(throws: CommandFailure.self) { try await restore("carts") }
        #expect(failure.description == "\(folder.file("carts.sqlite")): this is a database of orders, and not of carts")
        // A service that has read another one's tables in an earlier version.
        try await plantStep("carts.audit", 1, in: "carts")
        _ = try await restore("carts")
        try await plantStep("carts", 99, breaks: true, in: "carts")
        _ = try await restore("carts")
        try await plantStep("outbox", 99, breaks: true, in: "carts")
        await #expect(throws: SchemaTooNew(module: "outbox", number: 99)) { try await restore("carts") }
        try await database("carts").close()
    }

    @Test("its audit names who has restored it, from which file, and the epoch; each restore is an act")
    func audit() async throws {
        let first = try #require(try await restoreCarts { _ in true }.epoch)
        let second = try #require(try await restore("carts").epoch)
        let acts = try await acts(of: "carts", in: "operate_audit")
        let act = ["olga", "database.restore", "carts", "from /backups/monday/carts.sqlite"]
        #expect(acts == [act + ["epoch \(first)"], act + ["epoch \(second)"]])
        #expect(try await self.acts(of: "orders", in: "operate_audit").isEmpty)
    }

    @Test("that of the log names the backup, or that the log was lost", arguments: [nil, "/backups/eventlog.sqlite"])
    func auditOfTheLog(_ file: String?) async throws {
        try await RestoredSystem.makeLog(at: DatabaseFiles(folder: folder.path, name: "eventlog"), time: time)
        let files = [(name: "eventlog", files: DatabaseFiles(folder: folder.path, name: "eventlog"))]
        var report = RestoreReport(restored: "eventlog")
        let system = try await RestoredSystem.open(files, time: time)
        try await system.finishLog(by: RestoreOrigin(who: "olga", file: file), &report)
        await system.close()
        let why = file.map { "from \($0)" } ?? "the log was lost"
        #expect(
            try await acts(of: "eventlog", in: "log_audit")
                == [["olga", "database.restore", "eventlog", why, "0 groups go back"]]
        )
    }

    /// The acts in the audit log of a database, oldest first.
    private func acts(of name: String, in table: String) async throws -> [[String]] {
        let database = try database(name)
        let acts = try await database.read { tx in
            try tx.run(
                SQLQuery(unchecked: "SELECT who, act, target, why, after FROM \(table) ORDER BY number", values: [])
            )
            .map { row in try (0..<5).map { try row.text($0) } }
        }
        await database.close()
        return acts
    }

    /// Notes that a step of a schema has run.
    private func plantStep(_ module: String, _ number: Int, breaks: Bool = false, in name: String) async throws {
        let database = try database(name)
        try await database.transaction { tx in
            try tx.run("INSERT INTO schema_migrations (room, number) VALUES (\(module), \(number))")
            try tx.run(
                "INSERT INTO schema_steps (room, number, hash, breaks) VALUES (\(module), \(number), '', \(breaks))"
            )
        }
        await database.close()
    }

    /// Restores carts from a backup that has handled a1 only.
    ///
    /// - Parameter isStored: Whether the log still holds an event.
    private func restoreCarts(_ isStored: (Event) -> Bool) async throws -> RestoreReport {
        try await plantOrders()
        try await plantCarts()
        try await plantLog(events.filter(isStored))
        return try await restore("carts")
    }

    /// Restores a service from the file that is in place.
    private func restore(_ name: String) async throws -> RestoreReport {
        let files = ["orders", "carts", "eventlog"].map {
            (name: $0, files: DatabaseFiles(folder: folder.path, name: $0))
        }
        var report = RestoreReport(restored: name)
        let system = try await RestoredSystem.open(files, time: time)
        try await system.finishService(name, by: origin, entropy: SeededEntropy(seed: 1), &report)
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

    private func plantLog(_ events: [Event], epoch: Int = 1) async throws {
        let log = try database("eventlog")
        try await EventLogRestore.migrate(log)
        try await log.transaction { tx in
            try tx.run("INSERT INTO log_topics (id, name) VALUES (1, 't') ON CONFLICT (id) DO NOTHING")
            let stored = try tx.run("SELECT COUNT(*) FROM log_events").first?.int(0) ?? 0
            for (number, event) in events.enumerated() {
                try tx.run(
                    """
                    INSERT INTO log_events (topic_id, partition, number, id, source, epoch, key, sequence, time, tenant,
                        body, stored_at)
                    VALUES (1, 0, \(stored + number + 1), \("\(event.key)\(epoch).\(event.sequence)"), 'orders', \(epoch), \(event.key),
                        \(event.sequence), \(event.time), '', X'00', \(event.time))
                    """
                )
            }
        }
        await log.close()
    }
}
