public import MartletCore

/// Why a transaction failed, or why its outcome is unknown.
///
/// Every SQLError dooms its transaction.
public struct SQLError: Error, Sendable {
    public enum Kind: Sendable, Hashable {
        /// A conflict with another transaction: nothing was committed. ``SQLRepeats`` repeats the body, and throws this
        /// after its last attempt.
        case conflict
        /// A constraint is violated (unique, check, not null, foreign key).
        case constraint
        /// The database cannot be reached, or is read-only: nothing was committed.
        case unavailable
        /// The database's disk has no room: nothing was committed, and a repeat may succeed when there is room again.
        case full
        /// The connection or the disk failed during the commit: it may or may not be durable.
        case outcomeUnknown
        /// A statement was ended because it took too long: nothing was committed. A read ends at the deadline of its
        /// caller, a write at a limit of the database.
        case interrupted
        /// The statement is invalid, or is a control statement: a bug.
        case misuse
    }

    public let kind: Kind
    /// The engine's own code: SQLite's extended result code, PostgreSQL's SQLSTATE.
    public let code: String
    /// For the operator: names of tables and columns at most, never a value of a statement or of a row.
    public let message: String

    /// Too many transactions wait: the database works, and nothing has happened.
    public static let queueFull = SQLError(.unavailable, code: "queue-full", message: "too many transactions wait")

    /// The deadline of the caller passed while its transaction waited for others: nothing has happened.
    ///
    /// The cause of the `Fault` with `deadlineExceeded` that the caller receives.
    public static let notBegun = SQLError(.unavailable, code: "not-begun", message: "the deadline passed in the queue")

    /// Whether it is a lack of capacity, and no failure of the database.
    package var isOverload: Bool { [Self.queueFull, Self.notBegun].contains { ExactText($0.code) == ExactText(code) } }

    public init(_ kind: Kind, code: String, message: String) {
        self.kind = kind
        self.code = code
        self.message = message
    }
}

extension SQLError: CustomStringConvertible {
    public var description: String { message.isEmpty ? "\(kind) (\(code))" : "\(kind) (\(code)): \(message)" }
}

extension SQLError: FaultConvertible {
    public var fault: Fault {
        switch kind {
        case .conflict:
            Fault(.aborted, .conflict, "conflict with a concurrent change", retryAfter: .milliseconds(50), cause: self)
        case .unavailable where isOverload:
            // Overload: no failure of this service.
            Fault(.resourceExhausted, .overloaded, message, retryAfter: .seconds(1), cause: self)
        case .unavailable:
            Fault(.unavailable, .unavailable, "the database is unavailable", retryAfter: .seconds(1), cause: self)
        case .full:
            Fault(.unavailable, .unavailable, "the disk of the database is full", retryAfter: .seconds(1), cause: self)
        case .outcomeUnknown:
            Fault(.unknown, .outcomeUnknown, "the outcome of the commit is unknown", cause: self)
        case .interrupted:
            Fault(.deadlineExceeded, .deadlineExceeded, "a statement took too long", cause: self)
        case .constraint, .misuse:
            Fault(.internal, .internal, "an internal error happened", cause: self)
        }
    }
}
