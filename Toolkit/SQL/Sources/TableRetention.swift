/// How long the rows of one table stay; declared beside the table's migrations.
///
/// ```swift
/// let retentions = [
///     TableRetention("links", .purged(after: .seconds(90 * 24 * 3_600), since: "the last use", by: "forget links")),
///     TableRetention("owners", .permanent(bound: "one for each owner of a link")),
/// ]
/// ```
public struct TableRetention: Sendable, Hashable {
    public enum Rule: Sendable, Hashable {
        /// A periodic job deletes a row.
        ///
        /// - Parameters:
        ///   - after: The age at which a row may be deleted; a whole number of seconds.
        ///   - since: What the age is counted from, as in `publication`.
        ///   - by: The job's name.
        case purged(after: Duration, since: String, by: String)
        /// A row is deleted by what ends its use, as in `an operator has corrected it`.
        case until(String)
        /// A row is never deleted. `bound` states what bounds the number of rows.
        case permanent(bound: String)
    }

    public let table: String
    public let rule: Rule

    public init(_ table: String, _ rule: Rule) {
        self.table = table
        self.rule = rule
    }

    /// The tables of migrations, which every database has.
    package static let ofMigrations = [
        TableRetention("schema_migrations", .permanent(bound: "one for each migration")),
        TableRetention("schema_steps", .permanent(bound: "one for each migration")),
        TableRetention("schema_instances", .until("1 day after the end of its lease, when an instance starts")),
    ]

    /// The rule in words, as the operators' guide has it.
    package var summary: String {
        switch rule {
        case .purged(let age, let since, let job): "\(Self.text(age)) after \(since), by the job `\(job)`"
        case .until(let end): "until \(end)"
        case .permanent(let bound): "permanently: \(bound)"
        }
    }

    private static func text(_ age: Duration) -> String {
        let seconds = age.components.seconds
        let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")] as [(Int64, String)]
        let unit = units.first { seconds % $0.0 == 0 } ?? (1, "second")
        let count = seconds / unit.0
        return "\(count) \(unit.1)\(count == 1 ? "" : "s")"
    }
}
