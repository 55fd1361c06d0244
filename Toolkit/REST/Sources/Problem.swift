package import HTTPTypes
import MartletContract
package import MartletCore
package import MartletHTTP
package import NIOCore

/// An error as a REST response: RFC 9457 problem details.
package struct Problem: Sendable {
    let fault: Fault
    let status: HTTPResponse.Status
    /// The request's id; `nil` for a request that is refused before it gets one.
    let instance: String?

    package init(_ fault: Fault, requestID: String?) {
        self.fault = fault
        status = Problem.status(of: fault)
        instance = requestID
    }

    /// Depends only on the fault's code and reason.
    package static func status(of fault: Fault) -> HTTPResponse.Status {
        switch fault.reason {
        case .requestTooLarge: return .contentTooLarge
        case .headTooLarge: return .requestHeaderFieldsTooLarge
        case .requestTooSlow: return .requestTimeout
        case .mediaType: return .unsupportedMediaType
        case .methodNotAllowed: return .methodNotAllowed
        case .idempotencyKeyReused: return .unprocessableContent
        default: break
        }
        switch fault.code {
        case .invalidArgument, .outOfRange: return .badRequest
        case .unauthenticated: return .unauthorized
        case .permissionDenied: return .forbidden
        case .notFound: return .notFound
        case .alreadyExists, .failedPrecondition, .aborted: return .conflict
        case .resourceExhausted: return .tooManyRequests
        case .cancelled: return HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
        case .unimplemented: return .notImplemented
        case .unavailable: return .serviceUnavailable
        case .deadlineExceeded: return .gatewayTimeout
        case .unknown, .internal, .dataLoss: return .internalServerError
        }
    }

    /// Whether a response is the refusal of a service that is overloaded, and not one because of the request or its caller.
    package static func isOverload(status: Int, body: ByteBuffer) -> Bool {
        guard status == HTTPResponse.Status.tooManyRequests.code else { return false }
        // As `response` writes it; inside of a text its quotation marks would be escaped.
        return body.readableBytesView.firstRange(of: Array("\"reason\":\"\(Reason.overloaded)\"".utf8)) != nil
    }

    /// Seconds, rounded up; 1 when a retry makes sense and the fault has no delay.
    var retryAfterSeconds: Int64? {
        if let delay = fault.retryAfter { return max(1, delay.secondsRoundedUp) }
        return status == .serviceUnavailable || status == .tooManyRequests ? 1 : nil
    }

    package var response: ServerResponse {
        ServerResponse(status: status, headers: headers, body: ResponseBody(buffer: body))
    }

    /// JSON.
    var body: ByteBuffer {
        var json = JSONWriter()
        json.object { json in
            json.text("type", "/problems/\(fault.reason)")
            json.text("title", status.reasonPhrase)
            json.number("status", status.code)
            json.text("detail", fault.detail)
            json.text("instance", instance)
            json.text("reason", fault.reason.name)
            if !fault.violations.isEmpty {
                json.objects("violations", fault.violations) { json, violation in
                    json.text("field", violation.field)
                    json.text("rule", violation.rule)
                }
            }
        }
        return ByteBuffer(bytes: json.bytes)
    }

    var headers: HTTPFields {
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        headers[RESTHeaders.requestID] = instance
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        if status == .forbidden { headers[.wwwAuthenticate] = "Bearer error=\"insufficient_scope\"" }
        if let seconds = retryAfterSeconds { headers[.retryAfter] = "\(seconds)" }
        return headers
    }
}

extension Reason {
    /// No method has this path.
    static let unknownPath: Reason = "request.unknown_path"
    /// The path has other verbs.
    package static let methodNotAllowed: Reason = "request.method_not_allowed"
    /// The body is not JSON by its header.
    package static let mediaType: Reason = "request.media_type"
    /// The request line and the header fields are more than the listener accepts.
    package static let headTooLarge: Reason = "request.head_too_large"
    /// The request did not arrive in time.
    package static let requestTooSlow: Reason = "request.too_slow"
    /// The listener has this method for no path.
    static let unsupportedMethod: Reason = "request.unsupported_method"
}

extension Fault {
    static var unknownPath: Fault { Fault(.notFound, .unknownPath, "there is nothing at this path") }

    /// A body over the limit.
    static func bodyTooLarge(limit bytes: Int) -> Fault {
        Fault(.resourceExhausted, .requestTooLarge, "must have at most \(bytes) bytes", field: "body")
    }
}
