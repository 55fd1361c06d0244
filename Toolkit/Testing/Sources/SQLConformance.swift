public import MartletSQL
import Synchronization

/// What every adapter of the SQL seam must do, whatever stands behind it.
///
/// An adapter's test runs each check on a database of its own:
/// `@Test(arguments: SQLConformance.checks) func conforms(to check: SQLConformance.Check) async throws {
/// try await check.run { time in … } }`
public enum SQLConformance {
    /// One sentence about a database.
    public struct Check: Sendable, CustomStringConvertible {
        public let description: String
        let body: @Sendable (any SQLDatabase, ManualTime) async throws -> Void

        init(_ description: String, _ body: @escaping @Sendable (any SQLDatabase, ManualTime) async throws -> Void) {
            self.description = description
            self.body = body
        }

        /// - Parameter make: An empty database that judges deadlines by the given time.
        /// - Throws: ``SQLConformanceFailure`` when the database does not do what it must.
        public func run(_ make: (ManualTime) async throws -> any SQLDatabase) async throws {
            let time = ManualTime()
            try await body(try await make(time), time)
        }
    }

    public static let checks = values + transactions + failures + work + reads + migrations
}

/// A database did not do what the seam promises.
public struct SQLConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

// MARK: - Words of the checks

/// What a body decides against.
struct Refused: Error, Equatable {
    let number: Int
}

func require(_ holds: Bool, _ what: String, file: StaticString = #fileID, line: Int = #line) throws {
    guard !holds else { return }
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
    throw SQLConformanceFailure(description: "\(what) was not refused (\(file):\(line))")
}

extension [SQLRow] {
    /// The only row.
    func one() throws -> SQLRow {
        guard count == 1, let row = first else {
            throw SQLConformanceFailure(description: "\(count) rows in place of one")
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
        try await read { tx in try tx.run("SELECT id FROM t ORDER BY id").map { $0.int(0) } }
    }
}

/// Counts from bodies and actions, wherever they run.
final class Tally: Sendable {
    private let tally = Mutex(0)

    func note() { tally.withLock { $0 += 1 } }

    var count: Int { tally.withLock { $0 } }
}
