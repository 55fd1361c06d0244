import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("The suite of the SQL seam")
struct SQLConformanceTests {
    @Test("refuses a database that breaks a promise", arguments: BrokenDatabase.Fault.allCases)
    func refuses(_ fault: BrokenDatabase.Fault) async throws {
        let check = try #require(SQLConformance.checks.first { $0.description == fault.check })
        await #expect(throws: SQLConformanceFailure.self) {
            try await check.run { BrokenDatabase(try SQLiteDatabase.inMemory(time: $0), fault) }
        }
    }
}

/// A good database behind somebody who breaks one promise.
struct BrokenDatabase: SQLDatabase {
    enum Fault: Sendable, CaseIterable {
        case forgetsDeadlines, writesInReads, answersBeforeTheCommit, runsTwice, mixesAnswersUp, keepsOnErrors

        /// The check that must notice.
        var check: String {
            switch self {
            case .forgetsDeadlines: "a deadline that passes between two statements undoes the first"
            case .writesInReads: "a read refuses to write, and is doomed by the attempt"
            case .answersBeforeTheCommit: "an answered transaction is seen by whoever asks afterwards"
            case .runsTwice: "no update is lost when many change the same row"
            case .mixesAnswersUp: "many callers at once get each the answer of his own body"
            case .keepsOnErrors: "a body that throws undoes its own work and nobody else's"
            }
        }
    }

    private let good: SQLiteDatabase
    private let fault: Fault
    private let calls = Calls()

    init(_ good: SQLiteDatabase, _ fault: Fault) {
        self.good = good
        self.fault = fault
    }

    func transaction<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        switch fault {
        case .writesInReads: return try await good.transaction(name, deadline: deadline, body)
        case .forgetsDeadlines: return try await good.transaction(name, deadline: nil, body)
        case .runsTwice:
            if calls.isLate(after: 2) { try await good.transaction(name, deadline: deadline, body) }
            return try await good.transaction(name, deadline: deadline, body)
        case .mixesAnswersUp:
            let answer = try await good.transaction(name, deadline: deadline, body)
            return calls.last(orFirst: answer)
        case .keepsOnErrors:
            let result = try await good.transaction(name, deadline: deadline) { tx in
                do { return Result<R, any Error>.success(try body(tx)) } catch { return .failure(error) }
            }
            return try result.get()
        case .answersBeforeTheCommit:
            // The answer of a run that is then undone.
            let answer = Mutex<R?>(nil)
            do {
                return try await good.transaction(name, deadline: deadline) { tx in
                    let result = try body(tx)
                    guard calls.isLate(after: 1) else { return result }
                    answer.withLock { $0 = result }
                    throw CancellationError()
                }
            } catch let error as CancellationError {
                guard let result = answer.withLock({ $0 }) else { throw error }
                return result
            }
        }
    }

    func read<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard fault == .writesInReads else { return try await good.read(name, deadline: deadline, body) }
        return try await good.transaction(name, deadline: deadline, body)
    }
}

/// What was called before.
private final class Calls: Sendable {
    private let state = Mutex<(count: Int, answer: (any Sendable)?)>((0, nil))

    /// True for all calls but the first `early` ones.
    func isLate(after early: Int) -> Bool {
        state.withLock { state in
            state.count += 1
            return state.count > early
        }
    }

    /// The answer of the call before, when it is of the same type.
    func last<R: Sendable>(orFirst answer: R) -> R {
        state.withLock { state in
            defer { state.answer = answer }
            return state.answer as? R ?? answer
        }
    }
}
