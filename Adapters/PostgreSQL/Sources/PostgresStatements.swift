import CPostgreSQL
import MartletCore

/// The prepared statements of one session, by their texts and the types of their values.
struct PostgresStatements {
    fileprivate struct Key: Hashable {
        let text: ExactText
        let types: [Oid]
    }

    private struct Known {
        let name: String
        var lastUse: Int
    }

    private let limit: Int
    private var known: [Key: Known] = [:]
    private var uses = 0
    private var names = 0

    init(limit: Int) { self.limit = limit }

    /// How a statement is run this time.
    struct Use {
        fileprivate var key: Key?
        fileprivate var name = ""
        /// The number of the command that prepares it; `nil` when it is prepared.
        fileprivate var preparedAt: Int?
        let commands: [PostgresCommand]

        /// A statement that is not prepared.
        init(command: PostgresCommand) { commands = [command] }

        fileprivate init(key: Key, name: String, preparedAt: Int?, commands: [PostgresCommand]) {
            self.key = key
            self.name = name
            self.preparedAt = preparedAt
            self.commands = commands
        }
    }

    /// The commands that run a statement; at first they prepare it.
    ///
    /// A name is used once: a preparation may have succeeded although it is not known here.
    ///
    /// - Throws: `SQLError` with `misuse` for a statement that a body must not run.
    mutating func use(_ text: String, _ values: PostgresParameters) throws -> Use {
        uses += 1
        let key = Key(text: ExactText(text), types: values.types)
        if let name = known[key]?.name {
            known[key]?.lastUse = uses
            return Use(key: key, name: name, preparedAt: nil, commands: [.execute(name: name, values)])
        }
        try PostgresStatementRules.check(text)
        var commands: [PostgresCommand] = []
        if known.count >= limit, let oldest = known.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            commands.append(.control("DEALLOCATE \(oldest.value.name)"))
            known[oldest.key] = nil
        }
        names += 1
        let name = "m\(names)"
        let position = commands.count
        commands += [.prepare(name: name, text: text, types: values.types), .execute(name: name, values)]
        return Use(key: key, name: name, preparedAt: position, commands: commands)
    }

    /// Records that all commands of a use have succeeded.
    mutating func succeeded(_ use: Use) {
        guard let key = use.key, use.preparedAt != nil else { return }
        known[key] = Known(name: use.name, lastUse: uses)
    }

    /// Records what the server has prepared although the statement failed.
    ///
    /// - Parameters:
    ///   - position: The number of the use's commands that succeeded.
    ///   - isStale: Whether the statement's plan is: it is prepared anew, and the server keeps the old one.
    mutating func failed(_ use: Use, after position: Int, isStale: Bool) {
        guard let key = use.key else { return }
        if isStale {
            known[key] = nil
        } else if let prepared = use.preparedAt, position > prepared {
            succeeded(use)
        }
    }
}
