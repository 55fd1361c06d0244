import BuiltPrograms
import Foundation
import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

/// The event log is lost, or from an earlier moment; `martlet restore` has its sources publish again what they hold.
@Suite(
    "Restore",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct RestoreTests {
    enum Loss: CaseIterable {
        case whole
        case sinceBackup
    }

    private struct Report: Decodable {
        struct Range: Decodable {
            let source: String
            let topic: String
            let key: String
            let first: Int64
            let group: String?
        }
        let restored: String
        let resends: [String]
        let lost: [Range]
    }

    private struct Resends: Decodable {
        struct Resend: Decodable { let state: String }
        let resends: [Resend]
    }

    private struct Listed: Decodable {
        struct Item: Decodable {}
        let gaps: [Item]?
        let events: [Item]?
        let keys: [Item]?
    }

    @Test("what the sources hold is handled once, and the report names the rest", arguments: Loss.allCases)
    func log(_ loss: Loss) async throws {
        let files = try TemporaryFolder()
        let (folder, backup) = (files.file("data"), files.file("backup"))
        _ = try await orders(["first"], on: folder)
        try FileManager.default.createDirectory(atPath: backup, withIntermediateDirectories: false)
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: "\(folder)/eventlog.sqlite\(suffix)") {
            try FileManager.default.copyItem(
                atPath: "\(folder)/eventlog.sqlite\(suffix)",
                toPath: "\(backup)/eventlog.sqlite\(suffix)"
            )
        }
        let keys = try await orders(["second", "third"], on: folder)
        let last = try await plant(untaken: keys[0], lost: keys[1], in: folder)

        let cli = OperatorCLI(folder: folder)
        let options = loss == .whole ? ["--lost"] : ["--from", backup]
        let report: Report = try cli.json(["restore", "eventlog"] + options)
        #expect(report.restored == "eventlog")
        #expect(report.resends.contains("orders"))
        #expect(report.lost.map(\.key) == [keys[1]])
        #expect(report.lost.map { [$0.source, $0.topic, $0.group] } == [["orders", EventSource.topic, "carts"]])
        #expect(report.lost.map(\.first) == [1])

        try await settle(folder)
        #expect(try await position(of: keys[0], in: folder) == last)
        #expect(try await position(of: keys[1], in: folder) == nil)
    }

    private struct ServiceReport: Decodable {
        let restored: String
        let epoch: Int
        let setAside: [String]
        let lost: [Report.Range]
    }

    @Test("a service that goes back to its backup takes again from the log what it had handled since")
    func service() async throws {
        let files = try TemporaryFolder()
        let (folder, backup) = (files.file("data"), files.file("backup"))
        _ = try await orders(["first"], on: folder)
        try copy("carts", from: folder, to: backup)
        let keys = try await orders(["second"], on: folder)
        let last = try #require(try await position(of: keys[0], in: folder))

        let cli = OperatorCLI(folder: folder)
        let report: ServiceReport = try cli.json("restore", "carts", "--from", backup)
        #expect(report.restored == "carts")
        #expect(report.epoch > 1)
        #expect(report.lost.isEmpty)
        #expect(!report.setAside.isEmpty)
        for path in report.setAside { #expect(FileManager.default.fileExists(atPath: path)) }
        #expect(try await position(of: keys[0], in: folder) == nil)

        // A shop may end before the group has joined again, and so gone back.
        try await Poll.until("the position of before the restore") {
            let shop = try RunningShop(on: folder)
            do {
                try await noLag(cli)
            } catch {
                _ = try shop.end()
                throw error
            }
            #expect(shop.stop() == 0)
            return try await position(of: keys[0], in: folder) ?? 0 >= last ? true : nil
        }
    }

    @Test("a restore that is refused changes nothing, and does not keep the shop from starting")
    func refused() async throws {
        let files = try TemporaryFolder()
        let (folder, backup) = (files.file("data"), files.file("backup"))
        _ = try await orders([], on: folder)
        let cli = OperatorCLI(folder: folder)
        #expect(try cli.refusal("restore", "absent", "--from", backup).contains("there is no such database"))
        #expect(try cli.refusal("restore", "carts", "--from", backup).contains("there is no such file"))

        try copy("orders", from: folder, to: backup, as: "carts")
        #expect(
            try cli.refusal("restore", "carts", "--from", backup).contains("a database of orders, and not of carts")
        )
        try copy("carts", from: folder, to: backup)
        try await change("carts", in: backup) { tx in
            try tx.run("INSERT INTO schema_migrations (room, number) VALUES ('outbox', 99)")
            try tx.run("INSERT INTO schema_steps (room, number, hash, breaks) VALUES ('outbox', 99, '', 1)")
            return nil
        }
        #expect(try cli.refusal("restore", "carts", "--from", backup).contains("outbox 99"))

        let left = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(left.contains("carts.sqlite"))
        #expect(!left.contains { $0.contains(".before-") || $0.contains(".restoring.sqlite") })

        try copy("carts", from: folder, to: backup)
        let shop = try RunningShop(on: folder)
        let running = try Programs.martlet.run(
            ["restore", "carts", "--from", backup],
            environment: ["MARTLET_DATA": folder]
        )
        #expect(shop.stop() == 0)
        #expect(running.status == 4)
        #expect(running.text.contains("end it with `martlet down` first"))
    }

    /// Copies a database into a folder of backups, which is made when it is missing.
    private func copy(_ name: String, from folder: String, to backup: String, as other: String? = nil) throws {
        try FileManager.default.createDirectory(atPath: backup, withIntermediateDirectories: true)
        for suffix in ["", "-wal"] {
            let target = "\(backup)/\(other ?? name).sqlite\(suffix)"
            // One that is missing needs not be replaced.
            try? FileManager.default.removeItem(atPath: target)
            guard FileManager.default.fileExists(atPath: "\(folder)/\(name).sqlite\(suffix)") else { continue }
            try FileManager.default.copyItem(atPath: "\(folder)/\(name).sqlite\(suffix)", toPath: target)
        }
    }

    @Test("after an interrupted restore the shop does not start, and the refusal names the command that completes it")
    func interrupted() throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: folder.file("orders.restoring.sqlite")))
        let refusal = try OperatorCLI(folder: folder.path).refusal("up")
        #expect(refusal.contains("martlet restore orders --data \(folder.path)"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("orders.sqlite")))
    }

    /// Runs the shop until the resends are done; nothing may be missing, late or parked then.
    private func settle(_ folder: String) async throws {
        let shop = try RunningShop(on: folder)
        let cli = OperatorCLI(folder: folder)
        do {
            try await Poll.until("the resends") {
                let resends = try cli.json("resend", "list", as: Resends.self).resends
                return !resends.isEmpty && resends.allSatisfy { $0.state == "done" } ? true : nil
            }
            try await noLag(cli)
            #expect(try cli.json("events", "gaps", "list", as: Listed.self).gaps?.count == 0)
            #expect(try cli.json("events", "late", "list", as: Listed.self).events?.count == 0)
            #expect(try cli.json("events", "parked", "list", as: Listed.self).keys?.count == 0)
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(shop.stop() == 0)
    }

    private func noLag(_ cli: OperatorCLI) async throws {
        try await Poll.until("no lag") {
            let groups = try cli.json("events", "groups", as: OperatorCLI.Groups.self).groups
            return !groups.isEmpty && groups.allSatisfy { $0.lag == 0 } ? true : nil
        }
    }

    /// Places orders on a shop that is started for them and stopped afterwards.
    ///
    /// - Returns: The ids of the orders.
    private func orders(_ names: [String], on folder: String) async throws -> [String] {
        let shop = try RunningShop(on: folder)
        do {
            let stocked = try await StockedShop(shop)
            var orders: [String] = []
            for name in names {
                let placed = try await stocked.retried(.order(key: name)).decoded(PlacedOrder.self)
                _ = try await stocked.order(placed.order.order_id, at: "ORDER_STATUS_COMPLETED")
                orders.append(placed.order.order_id)
            }
            try await noLag(OperatorCLI(folder: folder))
            try #require(shop.stop() == 0)
            return orders
        } catch {
            _ = shop.stop()
            throw error
        }
    }

    /// Has the carts forget both orders, and the orders what they published of one.
    ///
    /// - Returns: The last sequence of the order that is still held.
    private func plant(untaken: String, lost: String, in folder: String) async throws -> Int64? {
        try await change("carts", in: folder) { tx in
            try tx.run("DELETE FROM inbox_positions WHERE key IN (\(untaken), \(lost))")
            return nil
        }
        return try await change("orders", in: folder) { tx in
            try tx.run("DELETE FROM outbox WHERE key = \(lost)")
            return try tx.run("SELECT last_sequence FROM audit_outbox_keys WHERE key = \(untaken)").first?.int64(0)
        }
    }

    private func position(of key: String, in folder: String) async throws -> Int64? {
        try await change("carts", in: folder) { tx in
            try tx.run("SELECT last_sequence FROM audit_inbox_positions WHERE key = \(key)").first?.int64(0)
        }
    }

    @discardableResult
    private func change(
        _ database: String,
        in folder: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Int64?
    ) async throws -> Int64? {
        let file = try SQLiteDatabase(path: "\(folder)/\(database).sqlite", time: SystemTime())
        let value = try await file.transaction("change") { tx in try body(tx) }
        await file.close()
        return value
    }
}
