import MartletCore

/// Why a request is refused before it reaches any handler; its connection closes after the response.
enum RequestRefusal: Error, Hashable {
    /// It violates HTTP/1.1: which part, and which rule.
    case malformed(part: String, rule: String)
    /// Its head is longer than `bytesMax`.
    case headTooLong(bytesMax: Int)
    /// Its head has more fields than `fieldsMax`.
    case tooManyFields(fieldsMax: Int)
    /// The announced length is more than any limit.
    case bodyTooLong
    /// A part of it did not arrive in time.
    case tooSlow(part: String)
    /// CONNECT: this is not a proxy.
    case unsupportedMethod

    /// A request of which the parser cannot make sense.
    static var unreadable: Self { .malformed(part: "request", rule: "is not HTTP/1.1") }
}

extension RequestRefusal: FaultConvertible {
    var fault: Fault {
        switch self {
        case .malformed(let part, let rule): Fault(.invalidArgument, .malformedRequest, rule, field: part)
        case .headTooLong(let bytesMax):
            Fault(.resourceExhausted, .headTooLarge, "must have at most \(bytesMax) bytes", field: "head")
        case .tooManyFields(let fieldsMax):
            Fault(.resourceExhausted, .headTooLarge, "must have at most \(fieldsMax) fields", field: "head")
        case .bodyTooLong: Fault(.resourceExhausted, .requestTooLarge, "is too long", field: "body")
        case .tooSlow(let part): Fault(.deadlineExceeded, .requestTooSlow, "did not arrive in time", field: part)
        case .unsupportedMethod: Fault(.unimplemented, .unsupportedMethod, "CONNECT is not supported")
        }
    }
}
