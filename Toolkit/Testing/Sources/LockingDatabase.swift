package import MartletCore
package import MartletSQL
import Synchronization

/// A database that takes named locks, as a server does, and records them: for tests of the names that a service uses.
///
/// The locks themselves have nothing to do: the transactions of the database behind it never run at once.
package final class LockingDatabase: ForwardingDatabase {
    package let database: any SQLDatabase
    private let recorded = Mutex<[(transaction: String, locks: [ExactText])]>([])

    package init(_ database: any SQLDatabase) { self.database = database }

    package var namedLocks: SQLNamedLocks { .taken }

    /// The locks of all transactions of this name, in their order.
    package func locks(of transaction: String) -> [[ExactText]] {
        recorded.withLock { $0 }.filter { ExactText($0.transaction) == ExactText(transaction) }.map(\.locks)
    }

    @discardableResult
    package func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        recorded.withLock { $0.append(("\(name)", options.locks)) }
        return try await database.transaction(name, options: options, body)
    }
}
