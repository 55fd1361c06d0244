import MartletCore
import NIOHPACK

/// How a call ended, as header blocks.
enum Status {
    /// A longer text is truncated, so that the trailers fit the smallest header list limit of common peers.
    static let messageBytesMax = 1_024

    static let responseHead: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
    static let okTrailers: HPACKHeaders = ["grpc-status": "0"]

    /// The last header block of a response; includes the response's headers when nothing was sent before.
    static func trailers(_ fault: Fault?, withHead: Bool, httpStatus: Int = 200) -> HPACKHeaders {
        guard let fault else { return withHead ? head(200, status: 0) : okTrailers }
        var block = withHead ? head(httpStatus, status: fault.code.rawValue) : HPACKHeaders()
        if !withHead { block.add(name: HeaderName.status, value: String(fault.code.rawValue)) }
        let text = truncate(fault.message, to: messageBytesMax)
        let message = PercentText.encode(text)
        if !message.isEmpty { block.add(name: HeaderName.message, value: message, indexing: .nonIndexable) }
        if fault.code == .unimplemented { block.add(name: "grpc-accept-encoding", value: "identity") }
        block.add(
            name: HeaderName.details,
            value: Base64.encode(StatusDetails.encode(fault, message: text)),
            indexing: .nonIndexable
        )
        return block
    }

    /// The fault in trailers, `nil` for success.
    static func read(_ trailers: HPACKHeaders) -> Fault? {
        var code: Int?
        var message = ""
        var details: String?
        var httpStatus = 200
        for (name, value, _) in trailers {
            switch name {
            case HeaderName.status: code = Int(value)
            case HeaderName.message: message = PercentText.decode(value)
            case HeaderName.details: details = value
            case ":status": httpStatus = Int(value) ?? 0
            default: break
            }
        }
        guard let code else { return http(httpStatus) }
        guard code != 0 else { return nil }
        let known = FaultCode(rawValue: code) ?? .unknown
        var fault = Fault(known, reason(known), message)
        if let details, let bytes = Base64.decode(details) { StatusDetails.read(bytes, into: &fault) }
        return fault
    }

    /// The fault of a response that is not gRPC's, by gRPC's table.
    static func http(_ status: Int) -> Fault {
        let code: FaultCode =
            switch status {
            case 200, 400: .internal
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
        return Fault(code, reason(code), "the peer answered HTTP \(status) without a gRPC status")
    }

    /// The reason of a fault whose peer did not name one.
    static func reason(_ code: FaultCode) -> Reason {
        switch code {
        case .cancelled: .cancelled
        case .invalidArgument, .outOfRange: .invalidRequest
        case .deadlineExceeded: .deadlineExceeded
        case .notFound: .notFound
        case .alreadyExists, .aborted, .failedPrecondition: .conflict
        case .permissionDenied: .forbidden
        case .resourceExhausted: .overloaded
        case .unauthenticated: .unauthenticated
        case .unavailable: .unavailable
        case .unknown, .unimplemented, .internal, .dataLoss: .internal
        }
    }

    private static func head(_ httpStatus: Int, status: Int) -> HPACKHeaders {
        [":status": String(httpStatus), "content-type": "application/grpc", "grpc-status": String(status)]
    }

    /// The text, truncated to so many bytes of UTF-8.
    static func truncate(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: bytesMax)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
