/// One numbered step of a schema: never edited once released, only followed by another.
public struct Migration: Sendable {
    /// Which room's tables these are (`inventory`, `outbox`, `workflows`): each room numbers its own steps from 1.
    public let room: String
    public let number: Int
    /// The name of the transaction in which all steps are taken.
    static let transaction: StaticString = "migrate"
    private let statements: [String]
    private let postgresStatements: [String]?

    /// - Parameters:
    ///   - statements: Run in this order in one transaction.
    ///   - postgres: Where one text cannot serve both engines, PostgreSQL's.
    public init(_ room: String, _ number: Int, _ statements: [String], postgres: [String]? = nil) {
        precondition(number >= 1)
        self.room = room
        self.number = number
        self.statements = statements
        postgresStatements = postgres
    }

    /// What runs on an engine of `dialect`.
    public func statements(in dialect: SQLDialect) -> [String] {
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
            let done = Set(rows.map { Step(room: $0.text(0), number: $0.int(1)) })
            let wanted = Set(migrations.map { Step(room: $0.room, number: $0.number) })
            let rooms = Set(migrations.map(\.room))
            for step in done.subtracting(wanted).sorted() where rooms.contains(step.room) {
                throw SchemaTooNew(room: step.room, number: step.number)
            }
            for migration in migrations.sorted(by: { ($0.room, $0.number) < ($1.room, $1.number) }) {
                guard !done.contains(Step(room: migration.room, number: migration.number)) else { continue }
                for statement in migration.statements(in: tx.dialect) { try tx.run(SQLQuery(unchecked: statement)) }
                try tx.run(
                    "INSERT INTO schema_migrations (room, number) VALUES (\(migration.room), \(migration.number))"
                )
            }
        }
    }
}

private struct Step: Hashable, Comparable {
    let room: String
    let number: Int

    static func < (left: Step, right: Step) -> Bool { (left.room, left.number) < (right.room, right.number) }
}

/// The database has a step that this program does not know.
public struct SchemaTooNew: Error, Equatable {
    public let room: String
    public let number: Int

    public init(room: String, number: Int) {
        self.room = room
        self.number = number
    }
}
