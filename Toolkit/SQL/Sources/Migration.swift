/// One numbered step of a schema: never edited after its release, only followed by further steps.
///
/// ```swift
/// let migrations = [
///     Migration("links", 1, ["CREATE TABLE links (code TEXT PRIMARY KEY, url TEXT NOT NULL)"]),
///     Migration("links", 2, ["ALTER TABLE links ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0"]),
///     Migration("links.audit", 1, ["CREATE VIEW audit_links AS SELECT code, created_at FROM links"]),
/// ]
/// ```
public struct Migration: Sendable {
    /// The module that owns the tables (`links`, `outbox`, `workflows`); each module numbers its steps from 1.
    ///
    /// Its views for auditors are a module of their own, `links.audit`: modules run in the order of their names, so
    /// the tables exist first, and an earlier version, which does not have that module, still starts.
    let module: String
    let number: Int
    /// The name of the transaction that runs all steps.
    static let transaction: StaticString = "migrate"
    private let statements: [String]
    private let postgresStatements: [String]?

    /// - Parameters:
    ///   - module: The module that owns the tables.
    ///   - number: The step, from 1 in each module.
    ///   - statements: Run in this order in one transaction.
    ///   - postgres: PostgreSQL's statements, where they differ from SQLite's.
    public init(_ module: String, _ number: Int, _ statements: [String], postgres: [String]? = nil) {
        precondition(number >= 1)
        self.module = module
        self.number = number
        self.statements = statements
        postgresStatements = postgres
    }

    /// The statements for an engine of `dialect`.
    func statements(in dialect: SQLDialect) -> [String] {
        dialect == .postgres ? postgresStatements ?? statements : statements
    }
}

extension SQLDatabase {
    /// Brings the schema up to date; a repeat does nothing.
    ///
    /// - Throws: ``SQLError``; `SchemaTooNew` when the database was written by a newer program.
    public func migrate(_ migrations: [Migration]) async throws {
        try await transaction(Migration.transaction) { tx in
            try tx.run(
                "CREATE TABLE IF NOT EXISTS schema_migrations (room TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (room, number))"
            )
            let rows = try tx.run("SELECT room, number FROM schema_migrations")
            let done = try Set(rows.map { try Step(module: $0.text(0), number: $0.int(1)) })
            let wanted = Set(migrations.map { Step(module: $0.module, number: $0.number) })
            let modules = Set(migrations.map(\.module))
            for step in done.subtracting(wanted).sorted() where modules.contains(step.module) {
                throw SchemaTooNew(module: step.module, number: step.number)
            }
            for migration in migrations.sorted(by: { ($0.module, $0.number) < ($1.module, $1.number) }) {
                guard !done.contains(Step(module: migration.module, number: migration.number)) else { continue }
                for statement in migration.statements(in: tx.dialect) { try tx.run(SQLQuery(unchecked: statement)) }
                try tx.run(
                    "INSERT INTO schema_migrations (room, number) VALUES (\(migration.module), \(migration.number))"
                )
            }
        }
    }
}

private struct Step: Hashable, Comparable {
    let module: String
    let number: Int

    static func < (left: Step, right: Step) -> Bool {
        (left.module, left.number) < (right.module, right.number)
    }
}

/// The database contains a step that this program does not know.
public struct SchemaTooNew: Error, Equatable {
    public let module: String
    public let number: Int

    package init(module: String, number: Int) {
        self.module = module
        self.number = number
    }
}
