import MartletCore
import MartletSQL
import Synchronization

/// A connection that records its statements and injects failures.
///
/// Every other statement succeeds without rows.
final class ScriptedConnection: SQLConnection {
    /// The executed statements, by text.
    private(set) var executed: [String] = []
    /// The errors of the next control statements, by statement; `nil` lets one succeed.
    var failures: [SQLControl: [SQLError?]] = [:]
    /// The errors of the next begins; `nil` lets one succeed.
    var beginFailures: [SQLError?] = []
    private(set) var inTransaction = false

    /// How often a transaction was begun.
    var begins: Int { executed.count { $0 == "begin" } }

    var date: Timestamp { get throws { Timestamp(seconds: 0) } }
    let dialect = SQLDialect.sqlite

    func begin(_ begin: SQLBegin) throws {
        executed.append("begin")
        if !beginFailures.isEmpty, let failure = beginFailures.removeFirst() { throw failure }
        inTransaction = true
    }

    func run(_ query: SQLQuery, deadline: Moment?) throws -> [SQLRow] {
        executed.append(query.text)
        switch query.text {
        case "end": inTransaction = false
        case "full": throw SQLError(.full, code: "13", message: "full")
        case "endless":
            inTransaction = false
            throw SQLError(.interrupted, code: "9", message: "interrupted")
        case "conflict": throw SQLError(.conflict, code: "5", message: "conflict")
        case "forbidden": throw SQLError(.constraint, code: "19", message: "forbidden")
        default: break
        }
        return []
    }

    func notify(_ channels: Set<SQLChannel>) throws { executed.append("notify \(channels.sorted())") }

    func control(_ control: SQLControl) throws {
        executed.append("\(control)")
        if var next = failures[control], !next.isEmpty {
            let failure = next.removeFirst()
            failures[control] = next
            if let failure { throw failure }
        }
        switch control {
        case .commit, .rollback: inTransaction = false
        case .savepoint, .releaseSavepoint, .rollbackToSavepoint: break
        }
    }
}

/// The callers' outcomes, in completion order.
final class Outcomes: Sendable {
    private let recorded = Mutex<[String]>([])

    func record(_ outcome: String) { recorded.withLock { $0.append(outcome) } }

    var list: [String] { recorded.withLock { $0 } }
}
