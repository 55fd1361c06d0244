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
    /// For whom a service's call speaks, as `Principal.Party.header` writes it; ignored from anybody else.
    static let speaksFor = "martlet-speaks-for"
}
