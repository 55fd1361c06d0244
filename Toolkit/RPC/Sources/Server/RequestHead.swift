import MartletCore
import NIOHPACK

/// The headers of a call, parsed in one pass.
struct RequestHead: Sendable {
    let headers: CallHeaders
    private(set) var path = ""
    private(set) var timeout: Duration?
    private(set) var idempotencyKey: String?
    private(set) var traceparent: String?
    private(set) var onBehalfOf: String?
    /// Headers that the protocol does not define, values of the same name joined by commas.
    private(set) var metadata: [String: String] = [:]

    /// Why a request is refused before its message is read.
    struct Refusal: Error {
        let httpStatus: Int
        let fault: Fault
    }

    init(_ block: HPACKHeaders) throws(Refusal) {
        headers = CallHeaders(block)
        var method = ""
        var contentType = ""
        var encoding = "identity"
        for (name, value, _) in block {
            switch name {
            case ":path": path = value
            case ":method": method = value
            case HeaderName.contentType: contentType = value
            case HeaderName.encoding: encoding = value
            case HeaderName.timeout:
                guard let timeout = CallTimeout.parse(value) else { throw .malformed("grpc-timeout is not a timeout") }
                self.timeout = timeout
            case HeaderName.idempotencyKey:
                guard idempotencyKey == nil else { throw .malformed("idempotency-key is given twice") }
                idempotencyKey = value
            case HeaderName.traceparent: traceparent = value
            case HeaderName.onBehalfOf:
                guard onBehalfOf == nil else { throw .malformed("\(HeaderName.onBehalfOf) is given twice") }
                onBehalfOf = PercentText.decode(value)
            case ":scheme", ":authority", "te", "user-agent", HeaderName.authorization: break
            default:
                if name.hasPrefix("grpc-") { break }
                metadata[name] = metadata[name].map { "\($0),\(value)" } ?? value
            }
        }
        guard contentType.hasPrefix("application/grpc"), Self.isProtobuf(contentType) else {
            throw Refusal(
                httpStatus: 415,
                fault: Fault(.invalidArgument, .malformedRequest, "the content type is not application/grpc")
            )
        }
        guard method == "POST" else {
            throw Refusal(httpStatus: 405, fault: Fault(.invalidArgument, .malformedRequest, "the method is not POST"))
        }
        guard encoding == "identity" else {
            throw Refusal(
                httpStatus: 200,
                fault: Fault(.unimplemented, .malformedRequest, "compressed messages are not supported")
            )
        }
    }

    /// `application/grpc`, `application/grpc+proto`, each with or without parameters.
    private static func isProtobuf(_ contentType: String) -> Bool {
        if contentType.utf8.count == 16 { return true }
        let rest = contentType.dropFirst(16)
        return rest.hasPrefix("+proto") || rest.hasPrefix(";")
    }
}

extension RequestHead.Refusal {
    static func malformed(_ message: String) -> Self {
        Self(httpStatus: 200, fault: Fault(.invalidArgument, .malformedRequest, message))
    }
}
