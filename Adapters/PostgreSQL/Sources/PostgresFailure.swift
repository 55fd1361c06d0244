import CPostgreSQL
import MartletSQL

/// What the server or the connection reported instead of a result.
struct PostgresFailure: Error {
    /// The SQLSTATE; empty when the connection itself failed.
    let state: String
    /// The server's first line.
    ///
    /// It may quote a value.
    let message: String
    /// Whether the session has ended, or must not be used any more.
    let endsSession: Bool
    /// The function of the server that reported it.
    var function = ""
    /// The number of commands of the group that succeeded before.
    var position = 0

    init(state: String, message: String, endsSession: Bool) {
        self.state = state
        self.message = message
        self.endsSession = endsSession
    }

    /// The failure that `result` describes.
    init(_ result: OpaquePointer) {
        func text(_ field: UnsafePointer<CChar>?) -> String { field.map { String(cString: $0) } ?? "" }
        state = text(martlet_pq_sqlstate(result))
        message = text(martlet_pq_message(result))
        function = text(martlet_pq_function(result))
        let severity = text(martlet_pq_severity(result))
        // A result without a SQLSTATE is libpq's own: the connection was lost.
        endsSession = state.isEmpty || severity == "FATAL" || severity == "PANIC"
    }

    /// The connection was lost, for the reason that libpq or this adapter states.
    static func lost(_ message: String) -> PostgresFailure {
        PostgresFailure(state: "", message: message, endsSession: true)
    }

    /// The server did not answer in time.
    static let late = PostgresFailure(state: "late", message: "the server did not respond in time", endsSession: true)

    /// Whether a prepared statement returns other columns than before, after a migration.
    var isStalePlan: Bool { state == "0A000" && function == "RevalidateCachedQuery" }

    /// The error of a statement.
    ///
    /// - Parameter isRead: Whether the transaction was begun to read only.
    func error(isRead: Bool = false) -> SQLError {
        SQLError(kind(isRead: isRead), code: state.isEmpty ? "lost" : state, message: safeMessage)
    }

    /// The error of a commit: known only where the server certainly rolled back.
    func commitError() -> SQLError {
        let kind: SQLError.Kind =
            switch (state.prefix(2), state) {
            case (_, "40003"): .outcomeUnknown
            case _ where endsSession: .outcomeUnknown
            case ("40", "40002"), ("23", _): .constraint
            case ("40", _): .conflict
            default: .outcomeUnknown
            }
        return SQLError(kind, code: state.isEmpty ? "lost" : state, message: safeMessage)
    }

    private func kind(isRead: Bool) -> SQLError.Kind {
        switch state {
        case "late", "57014": return .interrupted
        case "25006": return isRead ? .misuse : .unavailable
        case "53100": return .full
        case "40002": return .constraint
        case "55P03": return .conflict
        default: break
        }
        if isStalePlan { return .conflict }
        if endsSession { return .unavailable }
        switch state.prefix(2) {
        case "40": return .conflict
        case "23": return .constraint
        case "53", "57", "58", "XX": return .unavailable
        default: return .misuse
        }
    }

    /// Without values: the server quotes them in errors of data, and in the details, which are not read.
    private var safeMessage: String {
        ["22", "P0", "54"].contains(state.prefix(2)) ? "a value is not valid here" : message
    }
}
