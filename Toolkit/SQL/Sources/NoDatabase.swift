package import MartletCore

/// The database of a unit that has none: every use is a fault.
package struct NoDatabase: SQLDatabase {
    package init() {}

    package func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        throw Fault(.internal, .internal, "'\(name)' needs a database, and there is none here")
    }

    package func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await transaction(name, deadline: deadline, body)
    }

    package func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        throw Fault(.internal, .internal, "notifications need a database, and there is none here")
    }
}
