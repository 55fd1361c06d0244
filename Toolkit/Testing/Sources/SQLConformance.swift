public import MartletSQL
import Synchronization

/// The conformance suite of SQL adapters.
///
/// An adapter's test runs each check on a new database:
/// `@Test(arguments: SQLConformance.checks) func conforms(to check: SQLConformance.Check) async throws {
/// try await check.run { time in … } }`
public enum SQLConformance {
    /// One requirement of a database.
    public struct Check: Sendable, CustomStringConvertible {
        public let description: String
        let body: @Sendable (any SQLDatabase, ManualTime) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (any SQLDatabase, ManualTime) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// - Parameter make: An empty database that checks deadlines against the given time; pauses of its own are those of
        ///   ``PausingTime``.
        /// - Throws: ``SQLConformanceFailure`` when the check fails.
        public func run(_ make: (ManualTime) async throws -> any SQLDatabase) async throws {
            let time = ManualTime()
            try await body(try await make(time), time)
        }
    }

    public static let checks =
        values + types + transactions + failures + work + notifications + reads + isolation + migrations
}

/// A database has failed a check.
public struct SQLConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

// MARK: - Helpers of the checks

/// Thrown by bodies.
struct Rejected: Error, Equatable {
    let number: Int
}

func require(_ condition: Bool, _ what: String, file: StaticString = #fileID, line: Int = #line) throws {
    guard !condition else { return }
    throw SQLConformanceFailure(description: "\(what) (\(file):\(line))")
}

/// The error that `body` throws.
func failure<R>(
    _ what: String,
    file: StaticString = #fileID,
    line: Int = #line,
    of body: () async throws -> R
) async throws -> any Error {
    do {
        _ = try await body()
    } catch {
        return error
    }
    throw SQLConformanceFailure(description: "\(what) did not fail (\(file):\(line))")
}

extension [SQLRow] {
    /// The only row.
    func one() throws -> SQLRow {
        guard count == 1, let row = first else {
            throw SQLConformanceFailure(description: "\(count) rows instead of one")
        }
        return row
    }
}

extension SQLDatabase {
    /// A table `t (id, n)`.
    func makeTable() async throws {
        try await transaction { tx in
            try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        }
    }

    /// The ids in `t`.
    func ids() async throws -> [Int] {
        try await read { tx in try tx.run("SELECT id FROM t ORDER BY id").map { try $0.int(0) } }
    }
}

/// Counts runs of bodies and actions; safe to share.
final class Tally: Sendable {
    private let tally = Mutex(0)

    func note() { tally.withLock { $0 += 1 } }

    /// Takes one note back.
    func unnote() { tally.withLock { $0 -= 1 } }

    var count: Int { tally.withLock { $0 } }
}
