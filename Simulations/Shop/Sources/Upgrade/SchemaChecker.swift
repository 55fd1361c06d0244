import MartletCore
import MartletSQL
import MartletTesting
import SimulatedCluster

/// Checks, where processes migrate their database, that a step which breaks older versions waits for them, and that it
/// refuses them afterwards.
struct SchemaChecker: ForwardingDatabase {
    /// The module of the step.
    static let module = "outbox"

    let database: any SQLDatabase
    let version: ReplicaVersion
    let upgrades: Upgrades

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard "\(name)" == "migrate" else { return try await database.transaction(name, options: options, body) }
        let version = version
        let (result, violation) = try await database.transaction(name, options: options) {
            (tx: borrowing SQLTransaction) -> (R, String?) in
            let before = try Self.breakingStep(in: tx)
            let result = try body(tx)
            let step = try Self.breakingStep(in: tx)
            return (result, try Self.violation(of: version, before: before, after: step, in: tx))
        }
        // Only after the commit: a body may run several times.
        if let violation { upgrades.report("\(upgrades.service ?? ""): \(violation)") }
        return result
    }

    /// The number of the step that breaks older versions; `nil` before it has run.
    static func breakingStep(in tx: borrowing SQLTransaction) throws -> Int? {
        try SchemaAudit.breakingStep(of: module, in: tx)
    }

    /// What is wrong with a process that has migrated the database.
    ///
    /// - Parameters:
    ///   - before: The breaking step before.
    ///   - after: The breaking step now.
    private static func violation(
        of version: ReplicaVersion,
        before: Int?,
        after: Int?,
        in tx: borrowing SQLTransaction
    ) throws -> String? {
        guard let step = after else { return nil }
        guard version == .afterNext else { return "a process starts although a step has run that breaks it" }
        guard before == nil else { return nil }
        let older = try SchemaAudit.living(withoutStep: step, of: module, in: tx).first
        return older.map { "a step has run that breaks the living instance \($0)" }
    }
}
