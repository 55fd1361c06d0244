import MartletCore
import MartletSQL
import Synchronization

/// A connection that notes what it is told, and fails where the test says.
///
/// Every statement "succeeds" with no rows.
final class ScriptedConnection: SQLConnection {
    /// What was said, statements by their text.
    private(set) var said: [String] = []
    /// The errors of control statements to come, by statement; `nil` lets one pass.
    var failures: [SQLControl: [SQLError?]] = [:]
    private(set) var inTransaction = false

    let date = Timestamp(seconds: 0)
    let dialect = SQLDialect.sqlite

    func run(_ query: SQLQuery) throws -> [SQLRow] {
        said.append(query.text)
        switch query.text {
        case "spoil": inTransaction = false
        case "full": throw SQLError(.unavailable, code: "13", message: "full")
        case "forbidden": throw SQLError(.constraint, code: "19", message: "forbidden")
        default: break
        }
        return []
    }

    func control(_ control: SQLControl) throws {
        said.append("\(control)")
        if var next = failures[control], !next.isEmpty {
            let failure = next.removeFirst()
            failures[control] = next
            if let failure { throw failure }
        }
        switch control {
        case .begin, .beginRead: inTransaction = true
        case .commit, .rollback: inTransaction = false
        case .savepoint, .releaseSavepoint, .rollbackToSavepoint: break
        }
    }
}

/// What the callers heard, by their texts, in the order of the answers.
final class Answers: Sendable {
    private let heard = Mutex<[String]>([])

    func note(_ answer: String) { heard.withLock { $0.append(answer) } }

    var list: [String] { heard.withLock { $0 } }
}
