import MartletCore
import MartletSQL
import MartletTesting
import Synchronization

/// A database that injects faults into transactions by name.
final class FailingDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    private let faults = Mutex<[String: [SQLError.Kind]]>([:])

    init(_ database: any SQLDatabase) { self.database = database }

    /// The next transactions of this name fail with these kinds, in order.
    func fail(_ name: String, _ kinds: [SQLError.Kind]) { faults.withLock { $0[name] = kinds } }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let kind = faults.withLock { faults in
            faults["\(name)"]?.isEmpty == false ? faults["\(name)"]?.removeFirst() : nil
        }
        if let kind { throw SQLError(kind, code: "", message: "injected") }
        return try await database.transaction(name, options: options, body)
    }
}
