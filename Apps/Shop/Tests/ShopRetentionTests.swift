import Foundation
import Logging
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Testing

@testable import Shop

/// Each failure names the tables that have no retention, and the retentions that have no table.
@Suite("Retention of the shop's tables")
struct ShopRetentionTests {
    private static let guide = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in
        url.deletingLastPathComponent()
    }.appendingPathComponent("Docs/Guides/Operating.md")

    private let time = ManualTime()

    /// The retentions of each service's own tables, and those of the event log.
    private static let own: [(service: String, retentions: [TableRetention])] =
        ShopServices.all.map { ($0.name, $0.retentions) } + [("eventlog", EventLog.retentions)]

    private static func declared(by service: String) -> [TableRetention] {
        let own = own.first { ExactText($0.service) == ExactText(service) }?.retentions ?? []
        return own + (service == "eventlog" ? TableRetention.ofMigrations : ServiceRuntime.toolkitRetentions)
    }

    @Test("every table of every service has one, and every one has a table")
    func schemas() async throws {
        var databases: [(name: String, database: SQLiteDatabase)] = []
        _ = try await build { databases.append(($0, $1)) }
        #expect(databases.count == ShopServices.all.count + 1)
        for (name, database) in databases {
            let tables = try await database.read { tx in try Self.tables(in: tx) }
            let declared = Self.declared(by: name).map { ExactText($0.table) }
            #expect(Set(declared).count == declared.count, "\(name): a table has two")
            #expect(Set(tables).subtracting(declared).sorted() == [], "\(name): no retention is declared")
            #expect(Set(declared).subtracting(tables).sorted() == [], "\(name): there is no such table")
        }
    }

    @Test("the job that deletes rows exists")
    func jobs() async throws {
        for service in try await build() {
            let loops = Set(service.loops.map { ExactText($0.name) })
            for retention in Self.declared(by: service.name) {
                guard case .purged(let age, _, let job) = retention.rule else { continue }
                #expect(age > .zero)
                #expect(
                    loops.contains(ExactText("job \(job)")) || loops.contains(ExactText(job)),
                    "\(service.name): nothing deletes rows of \(retention.table)"
                )
            }
        }
    }

    @Test("a published event stays with its service as long as in the log")
    func sent() throws {
        func age(_ table: String, _ retentions: [TableRetention]) -> Duration? {
            guard
                case .purged(let age, _, _) = retentions.first(where: { ExactText($0.table) == ExactText(table) })?.rule
            else { return nil }
            return age
        }
        let sent = try #require(age("outbox", ServiceRuntime.toolkitRetentions))
        let stored = try #require(age("log_events", EventLog.retentions))
        #expect(sent >= stored)
    }

    @Test("the operators' guide has them")
    func documented() throws {
        let text = try String(contentsOf: Self.guide, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## Retention\n").dropFirst().first)
            .components(separatedBy: "\n## ")[0]
        let rows = section.split(separator: "\n").map(String.init).filter { $0.hasPrefix("| ") }.dropFirst()
        let toolkit = ServiceRuntime.toolkitRetentions.map { Self.row("every service", $0) }
        let expected = toolkit + Self.own.flatMap { own in own.retentions.map { Self.row(own.service, $0) } }
        #expect(Array(rows) == expected)
    }

    private static func row(_ database: String, _ retention: TableRetention) -> String {
        "| \(database) | `\(retention.table)` | \(retention.summary) |"
    }

    /// The tables of a database, without those that SQLite makes for itself and for a full-text index.
    private static func tables(in tx: borrowing SQLTransaction) throws -> [ExactText] {
        let rows = try tx.run("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")
        let virtual = try rows.filter { try ($0.textIfPresent(1) ?? "").hasPrefix("CREATE VIRTUAL") }
            .map { try $0.text(0) + "_" }
        // One row, of the adapter.
        let ofAdapter = "martlet_boot"
        return try rows.map { try $0.text(0) }
            .filter { name in
                !name.hasPrefix("sqlite_") && ExactText(name) != ExactText(ofAdapter)
                    && !virtual.contains { name.hasPrefix($0) }
            }
            .map { ExactText($0) }
    }

    private func build(
        _ opened: (String, SQLiteDatabase) -> Void = { _, _ in }
    ) async throws -> [ServiceRuntime] {
        try await ShopProgram.services(
            policy: BusPolicy(topics: [], edges: []),
            runtime: Runtime(time: time, seed: 1),
            telemetry: { Telemetry(service: $0, level: .critical, time: time) },
            database: { name in
                let database = try SQLiteDatabase.inMemory(time: time)
                opened(name, database)
                return database
            }
        )
    }
}
