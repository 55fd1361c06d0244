import MartletCore
import MartletSQL
import MartletTesting
import Synchronization

/// A database whose transactions of one name fail as often as it is told to.
final class TroubledDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    private let troubles = Mutex<[String: [SQLError.Kind]]>([:])

    init(_ database: any SQLDatabase) { self.database = database }

    /// The next transactions of this name fail so, one after the other.
    func fail(_ name: String, _ kinds: [SQLError.Kind]) { troubles.withLock { $0[name] = kinds } }

    func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let kind = troubles.withLock { troubles in
            troubles["\(name)"]?.isEmpty == false ? troubles["\(name)"]?.removeFirst() : nil
        }
        if let kind { throw SQLError(kind, code: "", message: "as the test asked") }
        return try await database.transaction(name, deadline: deadline, body)
    }
}
