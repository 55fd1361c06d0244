package import MartletCore
package import MartletSQL
import Synchronization

/// A database that takes named locks, as a server does, and records them: for tests of the names that a service uses.
///
/// The locks themselves have nothing to do: the transactions of the database behind it never run at once.
package final class LockingDatabase: ForwardingDatabase {
    package let database: any SQLDatabase
    private let recorded = Mutex<[(transaction: String, locks: [ExactText])]>([])

    private let meanwhile = Mutex<(read: String, work: @Sendable () async throws -> Void)?>(nil)

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Runs `work` once, after the next read of this name: between the read of names and the transaction that locks them.
    package func after(read name: String, _ work: @escaping @Sendable () async throws -> Void) {
        meanwhile.withLock { $0 = (name, work) }
    }

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

    package func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let result = try await database.read(name, kind: kind, deadline: deadline, body)
        let work = meanwhile.withLock { meanwhile -> (@Sendable () async throws -> Void)? in
            guard let planned = meanwhile, ExactText(planned.read) == ExactText("\(name)") else { return nil }
            meanwhile = nil
            return planned.work
        }
        try await work?()
        return result
    }
}
