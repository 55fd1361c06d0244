package import HTTPTypes
package import MartletCore

/// The name of a header.
package typealias HeaderName = HTTPFields.Element.Name

/// The headers of requests and responses besides HTTP's own.
///
/// All names are ASCII tokens.
package enum RESTHeaders {
    /// Identifies the request in logs and problems.
    ///
    /// Accepted from the caller when it is 1 to 64 letters, digits, `.`, `_` or `-`; echoed in the response.
    package static let requestID = name("x-request-id")
    /// How long the caller waits, in whole milliseconds from 1; more than the listener's limit counts as the limit.
    package static let requestTimeout = name("x-request-timeout")
    /// 1 to 255 visible ASCII characters: a repeat with the same key and body gets the first response.
    package static let idempotencyKey = name("idempotency-key")
    /// W3C trace context.
    package static let traceparent = name("traceparent")
    /// What other tracing systems have added to the trace.
    package static let tracestate = name("tracestate")
    /// For whom a service's call speaks, as `Principal.Party.header` writes it; ignored from anybody else.
    static let speaksFor = name("martlet-speaks-for")
    /// The system for which a request is meant, and in the response the one that answered.
    ///
    /// Sent by a gateway and by operators' programs; a listener of another system refuses the request.
    package static let system = name(systemName)
    /// The name of ``system`` as text.
    package static let systemName = "x-martlet-system"
    /// How many requests the caller may still send at once, as draft-ietf-httpapi-ratelimit-headers-11 writes it.
    package static let rateLimit = name("RateLimit")
    /// The limit that applies to the request, as the same draft writes it.
    package static let rateLimitPolicy = name("RateLimit-Policy")
    static let customPrefix = "x-"
    static let idempotencyKeyBytesLimit = 255

    static func name(_ text: String) -> HeaderName {
        guard let name = HeaderName(text) else { preconditionFailure("'\(text)' is not a header name") }
        return name
    }

    /// The caller's request id when it is acceptable, a new one otherwise.
    static func requestID(
        of headers: HTTPFields,
        runtime: Runtime
    ) -> String {
        if let given = headers[requestID], 1...64 ~= given.utf8.count, given.utf8.allSatisfy(isPlain) { return given }
        return runtime.identifier().description
    }

    /// The caller's deadline: by its header, at most `limit` from now; `standard` without a header.
    ///
    /// - Throws: `Fault` with `invalidArgument` when the header is not a whole number from 1.
    package static func deadline(
        of headers: HTTPFields,
        standard: Duration,
        limit: Duration,
        now: Moment
    ) throws -> Moment {
        guard let text = headers[requestTimeout] else { return now + min(standard, limit) }
        // A number that is too long for an integer is above any limit, too.
        let milliseconds = text.utf8.allSatisfy { 48...57 ~= $0 } ? Int64(text) ?? .max : 0
        guard !text.isEmpty, milliseconds > 0 else {
            throw Fault(
                .invalidArgument,
                .invalidRequest,
                "must be a whole number of milliseconds from 1",
                field: "x-request-timeout"
            )
        }
        return now + min(.milliseconds(milliseconds), limit)
    }

    /// The caller's place in a trace; `nil` without one that is well formed.
    static func trace(of headers: HTTPFields) -> TraceContext? {
        TraceContext(traceparent: headers[traceparent], tracestate: headers[tracestate])
    }

    /// - Throws: `Fault` with `invalidArgument` for a key that is empty, too long or not visible ASCII.
    static func idempotencyKey(of headers: HTTPFields) throws -> String? {
        // Two values would be joined to one key that the caller did not send.
        guard headers[values: idempotencyKey].count <= 1 else {
            throw Fault(.invalidArgument, .invalidRequest, "must be given once", field: "Idempotency-Key")
        }
        guard let key = headers[idempotencyKey] else { return nil }
        guard 1...idempotencyKeyBytesLimit ~= key.utf8.count, key.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw Fault(
                .invalidArgument,
                .invalidRequest,
                "must be 1 to \(idempotencyKeyBytesLimit) visible ASCII characters",
                field: "Idempotency-Key"
            )
        }
        return key
    }

    /// - Throws: `Fault` with `invalidArgument` when it is given twice.
    static func speaksFor(of headers: HTTPFields) throws -> String? {
        guard headers[values: speaksFor].count <= 1 else {
            throw Fault(.invalidArgument, .invalidRequest, "must be given once", field: "martlet-speaks-for")
        }
        return headers[speaksFor]
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
