import MartletCore
import MartletHost
import MartletPostgreSQL
import MartletPostgreSQLTesting
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import Shop

@Suite(
    "The schemas of the shop on PostgreSQL",
    .enabled(if: PostgresServer.isAvailable),
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct ShopPostgresSocketTests {
    /// A column, or a column of a view.
    private struct Column: Hashable {
        let table: ExactText
        let name: ExactText
    }

    /// The search of products is a virtual table of SQLite.
    private static let services = ShopServices.all.filter { ExactText($0.name) != "catalog" }.map { ExactText($0.name) }

    private func migrations(of service: ExactText) throws -> [Migration] {
        func migrations<Blueprint: ServiceBlueprint>(_ type: Blueprint.Type) -> [Migration] {
            ServiceRuntime.migrations(of: type)
        }
        let type = try #require(ShopServices.all.first { ExactText($0.name) == service })
        return migrations(type)
    }

    @Test(
        "each service has the same tables, views and columns as on SQLite, and its views can be read",
        arguments: services
    )
    func columns(_ service: ExactText) async throws {
        let steps = try migrations(of: service)
        let file = try SQLiteDatabase.inMemory(time: SystemTime())
        try await file.migrate(steps)
        let expected = try await columns(
            in: file,
            "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view')"
        )
        let runtime = Runtime(time: SystemTime(), entropy: SystemEntropy())
        let database = PostgresDatabase(try await PostgresServer.shared().makeDatabase(), runtime: runtime)
        for _ in 0..<2 { try await database.migrate(steps) }
        let found = try await columns(
            in: database,
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        #expect(found == expected)
        for view in Set(found.map(\.table)).filter({ $0.text.hasPrefix("audit_") }).sorted() {
            try await database.read { tx in _ = try tx.run(SQLQuery(unchecked: "SELECT * FROM \(view.text)")) }
        }
        await database.close()
    }

    private func columns(in database: any SQLDatabase, _ query: SQLQuery) async throws -> Set<Column> {
        try await database.read { tx in
            Set(
                try tx.run(query).map {
                    Column(table: ExactText(try $0.text(0)), name: ExactText(try $0.text(1)))
                }
            )
        }
    }
}
