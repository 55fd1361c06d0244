import MartletCore
import NIOHPACK

/// The headers of a call, parsed in one pass.
struct RequestHead: Sendable {
    let headers: CallHeaders
    private(set) var path = ""
    private(set) var timeout: Duration?
    private(set) var idempotencyKey: String?
    /// All values of the header, joined by commas.
    private(set) var traceparent: String?
    private(set) var tracestate: String?
    /// For whom a service's call speaks.
    private(set) var speaksFor: String?
    /// Headers that the protocol does not define, values of the same name joined by commas.
    private(set) var metadata: [String: String] = [:]

    /// The size of the list as HTTP/2 counts it.
    let bytes: Int

    /// Why a request is refused before its message is read.
    enum Refusal: Error {
        /// The call ends with this fault.
        case fault(Fault, httpStatus: Int)
        /// The request is not HTTP/2: the stream is reset (RFC 9113, section 8.1.1).
        case malformed
    }

    /// A list of more than `bytesMax` bytes is refused.
    init(_ block: HPACKHeaders, bytesMax: Int) throws(Refusal) {
        headers = CallHeaders(block)
        bytes = block.listBytes
        guard bytes <= bytesMax else { throw .tooLong(bytes, limit: bytesMax) }
        var method = ""
        var contentType: String?
        var encoding = "identity"
        var isAuthorized = false
        for (name, value, _) in block {
            switch name {
            case ":path": path = value
            case ":method": method = value
            case HeaderName.contentType:
                guard contentType == nil else { throw .repeated(name) }
                contentType = value
            case HeaderName.contentLength:
                guard Self.isLength(value) else { throw .malformed }
            case HeaderName.encoding: encoding = value
            case HeaderName.timeout:
                guard timeout == nil else { throw .repeated(name) }
                guard let timeout = CallTimeout.parse(value) else { throw .invalid("grpc-timeout is not a timeout") }
                self.timeout = timeout
            case HeaderName.idempotencyKey:
                guard idempotencyKey == nil else { throw .repeated(name) }
                idempotencyKey = value
            case HeaderName.traceparent: traceparent = traceparent.map { "\($0),\(value)" } ?? value
            case HeaderName.tracestate: tracestate = tracestate.map { "\($0),\(value)" } ?? value
            case HeaderName.speaksFor:
                guard speaksFor == nil else { throw .repeated(name) }
                speaksFor = value
            case HeaderName.authorization:
                guard !isAuthorized else { throw .twoTokens }
                isAuthorized = true
            case ":scheme", ":authority", "te", "user-agent": break
            default:
                if name.hasPrefix("grpc-") { break }
                metadata[name] = metadata[name].map { "\($0),\(value)" } ?? value
            }
        }
        guard let contentType, contentType.hasPrefix("application/grpc"), Self.isProtobuf(contentType) else {
            throw .fault(
                Fault(.invalidArgument, .malformedRequest, "the content type is not application/grpc"),
                httpStatus: 415
            )
        }
        guard method == "POST" else {
            throw .fault(Fault(.invalidArgument, .malformedRequest, "the method is not POST"), httpStatus: 405)
        }
        guard encoding == "identity" else {
            throw .fault(
                Fault(.unimplemented, .malformedRequest, "compressed messages are not supported"),
                httpStatus: 200
            )
        }
    }

    /// One or more digits: the parser also accepts a sign.
    private static func isLength(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }

    /// `application/grpc`, `application/grpc+proto`, each with or without parameters.
    private static func isProtobuf(_ contentType: String) -> Bool {
        if contentType.utf8.count == 16 { return true }
        let rest = contentType.dropFirst(16)
        return rest.hasPrefix("+proto") || rest.hasPrefix(";")
    }
}

extension RequestHead.Refusal {
    static func invalid(_ message: String) -> Self {
        .fault(Fault(.invalidArgument, .malformedRequest, message), httpStatus: 200)
    }

    /// Two values would be joined to one, or one of them be ignored: neither is what the caller sent.
    static func repeated(_ name: String) -> Self { .invalid("\(name) is given more than once") }

    static var twoTokens: Self {
        let message = "\(HeaderName.authorization) is given more than once"
        return .fault(Fault(.unauthenticated, .unauthenticated, message), httpStatus: 200)
    }

    static func tooLong(_ bytes: Int, limit: Int) -> Self {
        let message = "headers of \(bytes) bytes are longer than the limit of \(limit)"
        return .fault(Fault(.resourceExhausted, .requestTooLarge, message), httpStatus: 431)
    }
}
