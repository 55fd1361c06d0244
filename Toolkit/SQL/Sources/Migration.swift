import MartletCore

/// One numbered step of a schema: never edited after its release, only followed by further steps.
///
/// While a release is rolled out, programs of both versions use the database. A step that an older program can work with
/// (a new table, a new column with a default) runs at once, and the older program still starts. A step with which it
/// cannot work *breaks* it: it waits until no older instance is alive, and afterwards no older program starts.
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
    /// the tables exist first.
    package let module: String
    package let number: Int
    /// Whether programs that do not know this step cannot work with its result.
    let breaks: Bool
    /// Whether the statements run outside of a transaction, each committed by itself.
    let isOutsideTransaction: Bool
    /// The name of the transactions that run the steps.
    static let transaction: StaticString = "migrate"
    private let statements: [String]
    private let postgresStatements: [Int: String?]

    /// - Parameters:
    ///   - module: The module that owns the tables.
    ///   - number: The step, from 1 in each module.
    ///   - statements: Run in this order in one transaction.
    ///   - postgres: PostgreSQL's statement in place of one of `statements`, by its position from 0, where more differs than
    ///     the type `BLOB`, which is `BYTEA` there; `nil` where it needs none, such as one that moves rows of before the
    ///     toolkit ran on PostgreSQL.
    ///   - breaks: Whether older programs cannot work with the result, as after a column is dropped or renamed.
    ///   - outsideTransaction: Whether each statement is committed by itself, as `CREATE INDEX CONCURRENTLY` needs. A
    ///     process may end between two of them, and then all run again: each must permit a repeat.
    public init(
        _ module: String,
        _ number: Int,
        _ statements: [String],
        postgres: [Int: String?] = [:],
        breaks: Bool = false,
        outsideTransaction: Bool = false
    ) {
        precondition(number >= 1)
        precondition(postgres.keys.allSatisfy(statements.indices.contains))
        self.breaks = breaks
        isOutsideTransaction = outsideTransaction
        self.module = module
        self.number = number
        self.statements = statements
        postgresStatements = postgres
    }

    /// The statements for an engine of `dialect`.
    func statements(in dialect: SQLDialect) -> [String] {
        guard dialect == .postgres else { return statements }
        return statements.enumerated().compactMap { position, statement in
            let text: String? = if let own = postgresStatements[position] { own } else { statement }
            return text?.replacing(" BLOB", with: " BYTEA")
        }
    }

    var step: SchemaStep { SchemaStep(module: module, number: number) }

    /// Identifies the text of the statements for an engine of `dialect`, to detect an edited step; not cryptographic.
    func textHash(in dialect: SQLDialect) -> String {
        var hash = FNV1a()
        for statement in statements(in: dialect) {
            // With its length, so that no two lists of statements are one text.
            hash.add("\(statement.utf8.count):\(statement)")
        }
        return String(hash.value, radix: 16)
    }
}
