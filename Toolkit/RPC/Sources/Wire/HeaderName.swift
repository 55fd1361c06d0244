/// The names of the headers that a call uses.
enum HeaderName {
    static let contentType = "content-type"
    static let contentLength = "content-length"
    static let timeout = "grpc-timeout"
    static let encoding = "grpc-encoding"
    static let status = "grpc-status"
    static let message = "grpc-message"
    static let details = "grpc-status-details-bin"
    static let idempotencyKey = "idempotency-key"
    static let traceparent = "traceparent"
    static let tracestate = "tracestate"
    static let authorization = "authorization"
    /// The represented principal's id, percent-encoded; trusted only from a service.
    static let onBehalfOf = "martlet-on-behalf-of"
}
