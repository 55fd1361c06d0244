public import MartletCore
public import MartletSQL

/// A database that wraps ``database`` and forwards the calls that a conforming type does not implement.
public protocol ForwardingDatabase: SQLDatabase {
    var database: any SQLDatabase { get }
}

extension ForwardingDatabase {
    public func bootNumber() async throws -> Int { try await database.bootNumber() }

    public func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        try await database.notifications(of: channels)
    }

    public var statistics: SQLStatistics { database.statistics }

    public var namedLocks: SQLNamedLocks { database.namedLocks }

    public var pool: SQLPool { database.pool }

    public func close() async { await database.close() }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.transaction(name, options: options, body)
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.read(name, kind: kind, deadline: deadline, body)
    }
}
