/// The status codes of gRPC, by their numbers on the wire and in stored JSON.
public enum FaultCode: Int, Sendable, Hashable, Codable, CaseIterable {
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16

    /// What a caller may conclude about the effect of a call that failed so; `Fault.outcome` may be more specific.
    public enum Outcome: Sendable, Hashable {
        /// The callee refused it: nothing happened, and a repeat of the same request is refused again.
        case refused
        /// Nothing happened, a repeat may succeed.
        case notDone
        /// It may or may not have happened: retry with the same key and bytes.
        case unknown
    }

    public var outcome: Outcome {
        switch self {
        case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .failedPrecondition, .outOfRange,
            .unimplemented, .unauthenticated:
            .refused
        case .aborted, .resourceExhausted: .notDone
        case .cancelled, .unknown, .deadlineExceeded, .internal, .unavailable, .dataLoss: .unknown
        }
    }
}
