public import MartletCore
public import MartletSQL

/// A database that stands before another: what a conforming type leaves out, ``database`` does.
public protocol ForwardingDatabase: SQLDatabase {
    var database: any SQLDatabase { get }
}

extension ForwardingDatabase {
    public func bootEpoch() async throws -> Int { try await database.bootEpoch() }

    public var statistics: SQLStatistics { database.statistics }

    @discardableResult
    public func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.transaction(name, deadline: deadline, body)
    }

    public func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.read(name, deadline: deadline, body)
    }
}
