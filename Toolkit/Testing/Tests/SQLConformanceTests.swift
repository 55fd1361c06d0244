import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("SQL conformance suite")
struct SQLConformanceTests {
    @Test("detects a faulty database", arguments: FaultyDatabase.Fault.allCases)
    func detects(_ fault: FaultyDatabase.Fault) async throws {
        let check = try #require(SQLConformance.checks.first { $0.description == fault.check })
        await #expect(throws: SQLConformanceFailure.self) {
            try await check.run { FaultyDatabase(try SQLiteDatabase.inMemory(time: $0), fault) }
        }
    }

    @Test("detects scans that hold all connections")
    func detectsScans() async throws {
        let folder = try TemporaryFolder()
        let description = "scans leave a connection to other reads, and wait for each other"
        let check = try #require(SQLConformance.checks.first { $0.description == description })
        await #expect(throws: SQLConformanceFailure.self) {
            try await check.run { time in
                UnlimitedScans(database: try SQLiteDatabase(path: folder.file("test.sqlite"), time: time))
            }
        }
    }
}

/// A database whose scans are reads as any other.
private struct UnlimitedScans: ForwardingDatabase {
    let database: any SQLDatabase

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        try await database.read(name, deadline: deadline, body)
    }
}

/// A database with one injected fault.
struct FaultyDatabase: SQLDatabase {
    enum Fault: Sendable, CaseIterable {
        case ignoresDeadlines, writesInReads, returnsBeforeCommit, runsTwice, mixesUpResults, commitsOnErrors,
            notifiesOfAll

        /// The check that must detect the fault.
        var check: String {
            switch self {
            case .ignoresDeadlines: "a deadline that passes between two statements rolls back the first"
            case .writesInReads: "a read rejects writes, and fails after one"
            case .returnsBeforeCommit: "a completed transaction is visible to later reads"
            case .runsTwice: "concurrent updates of a row are not lost"
            case .mixesUpResults: "concurrent callers get the results of their own bodies"
            case .notifiesOfAll: "a notification reaches each listener of its channel, after the commit"
            case .commitsOnErrors: "a body that throws rolls back its own changes only"
            }
        }
    }

    private let database: SQLiteDatabase
    private let fault: Fault
    private let calls = Calls()

    init(_ database: SQLiteDatabase, _ fault: Fault) {
        self.database = database
        self.fault = fault
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        switch fault {
        case .writesInReads, .notifiesOfAll: return try await database.transaction(name, options: options, body)
        case .ignoresDeadlines:
            return try await database.transaction(
                name,
                options: SQLOptions(isolation: options.isolation, locks: options.locks),
                body
            )
        case .runsTwice:
            if calls.isLate(after: 2) { try await database.transaction(name, options: options, body) }
            return try await database.transaction(name, options: options, body)
        case .mixesUpResults:
            let result = try await database.transaction(name, options: options, body)
            return calls.last(orFirst: result)
        case .commitsOnErrors:
            let result = try await database.transaction(name, options: options) { tx in
                do { return Result<R, any Error>.success(try body(tx)) } catch { return .failure(error) }
            }
            return try result.get()
        case .returnsBeforeCommit:
            // The result of a run that is then rolled back.
            let early = Mutex<R?>(nil)
            do {
                return try await database.transaction(name, options: options) { tx in
                    let result = try body(tx)
                    guard calls.isLate(after: 1) else { return result }
                    early.withLock { $0 = result }
                    throw CancellationError()
                }
            } catch let error as CancellationError {
                guard let result = early.withLock({ $0 }) else { throw error }
                return result
            }
        }
    }

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard fault == .writesInReads else {
            return try await database.read(name, kind: kind, deadline: deadline, body)
        }
        return try await database.transaction(name, deadline: deadline, body)
    }

    func notifications(of channels: Set<SQLChannel>) async throws -> SQLNotifications {
        guard fault == .notifiesOfAll else { return try await database.notifications(of: channels) }
        return try await database.notifications(of: channels.union(SQLConformance.channels))
    }
}

/// The previous calls.
private final class Calls: Sendable {
    private let state = Mutex<(count: Int, result: (any Sendable)?)>((0, nil))

    /// True for all calls but the first `count` ones.
    func isLate(after count: Int) -> Bool {
        state.withLock { state in
            state.count += 1
            return state.count > count
        }
    }

    /// The result of the previous call if it is of the same type, else `result`.
    func last<R: Sendable>(orFirst result: R) -> R {
        state.withLock { state in
            defer { state.result = result }
            return state.result as? R ?? result
        }
    }
}
