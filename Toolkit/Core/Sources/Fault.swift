/// An error for three readers: `code` and `reason` for code, `message` for the caller, `cause` for the operator's log.
///
/// ```swift
/// func url(of code: String, in tx: borrowing SQLTransaction) throws -> String {
///     guard let row = try tx.run("SELECT url FROM links WHERE code = \(code)").first else {
///         throw Fault(.notFound, "links.unknown_code", "there is no link \(code)", field: "code")
///     }
///     return try row.text(0)
/// }
/// ```
public struct Fault: Error, Sendable {
    public var code: FaultCode
    /// Stable and machine-readable; callers branch on it.
    public var reason: Reason
    /// Safe to show to the caller: no secrets, no personal data.
    ///
    /// The `detail` of a problem adds the field.
    public var message: String
    /// Which fields of the request broke which rule, in request order.
    public var violations: [FieldViolation]
    /// The minimum delay before a retry; `nil` when unspecified.
    public var retryAfter: Duration?
    /// The underlying error.
    ///
    /// Never sent to the caller.
    public var cause: (any Error)?

    public init(
        _ code: FaultCode,
        _ reason: Reason,
        _ message: String,
        field: String? = nil,
        retryAfter: Duration? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.violations = field.map { [FieldViolation(field: $0, rule: message)] } ?? []
        self.retryAfter = retryAfter
        self.cause = cause
    }
}

extension Fault {
    /// The message for the caller with the field that broke a rule in front, as in `page_size: must be 1 to 200`.
    ///
    /// The message alone when it begins with the field, without violations, and with several: it is about all of them.
    package var detail: String {
        guard violations.count == 1, let field = violations.first?.field, !field.isEmpty, !beginsWith(field) else {
            return message
        }
        return "\(field): \(message)"
    }

    /// Whether the message begins with the name of a field, and not just with its letters.
    private func beginsWith(_ field: String) -> Bool {
        guard message.hasPrefix(field) else { return false }
        guard let next = message.dropFirst(field.count).first else { return true }
        return !(next.isLetter || next.isNumber || next == "_")
    }
}

/// One field of a request and the rule that it broke.
public struct FieldViolation: Sendable, Hashable {
    /// Path in the contract's field names, as in `lines[3].quantity`.
    public let field: String
    public let rule: String

    public init(field: String, rule: String) {
        self.field = field
        self.rule = rule
    }
}

/// A domain error with a representation on the wire.
///
/// ```swift
/// enum LinkError: Error {
///     case unknownCode(String)
///     case tooManyLinks
/// }
///
/// extension LinkError: FaultConvertible {
///     var fault: Fault {
///         switch self {
///         case .unknownCode(let code): Fault(.notFound, "links.unknown_code", "no link \(code)", field: "code")
///         case .tooManyLinks: Fault(.resourceExhausted, "links.too_many", "too many", retryAfter: .seconds(60))
///         }
///     }
/// }
/// ```
public protocol FaultConvertible: Error {
    var fault: Fault { get }
}

extension Fault: FaultConvertible {
    public var fault: Fault { self }
}

extension Fault {
    /// The fault for an arbitrary error: its own if it is convertible, `cancelled` or `internal` otherwise.
    public init(describing error: any Error) {
        switch error {
        case let error as any FaultConvertible: self = error.fault
        case is CancellationError: self.init(.cancelled, .cancelled, "the call was cancelled", cause: error)
        default: self.init(.internal, .internal, "an internal error happened", cause: error)
        }
    }
}

/// Why something was refused: stable, dotted, lower case, as in `links.code_taken`.
public struct Reason: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let name: String

    public init(stringLiteral name: String) { self.name = name }
    public init(name: String) { self.name = name }

    public var description: String { name }

    public static let invalidRequest: Reason = "request.invalid"
    public static let malformedRequest: Reason = "request.malformed"
    public static let requestTooLarge: Reason = "request.too_large"
    public static let unauthenticated: Reason = "auth.unauthenticated"
    public static let forbidden: Reason = "auth.forbidden"
    public static let notFound: Reason = "not_found"
    public static let idempotencyKeyReused: Reason = "idempotency.key_reused"
    public static let idempotencyKeyMissing: Reason = "idempotency.key_missing"
    public static let requestInProgress: Reason = "idempotency.in_progress"
    public static let deadlineExceeded: Reason = "deadline_exceeded"
    public static let unavailable: Reason = "unavailable"
    public static let overloaded: Reason = "overloaded"
    public static let outcomeUnknown: Reason = "outcome_unknown"
    public static let conflict: Reason = "conflict"
    public static let cancelled: Reason = "cancelled"
    public static let `internal`: Reason = "internal"
}
