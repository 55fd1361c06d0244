import MartletContract
import MartletCore
import NIOHPACK

/// Builds the headers of a call.
enum RequestHeaders {
    /// - Throws: `invalidArgument` for metadata that a header cannot carry, `resourceExhausted` above `bytesMax`: a
    ///   peer may close the whole connection because of a longer list.
    static func make(
        _ method: MethodDescriptor,
        _ context: CallContext,
        authority: String,
        authorization: String?,
        left: Duration?,
        bytesMax: Int
    ) throws(Fault) -> HPACKHeaders {
        var headers = HPACKHeaders()
        headers.reserveCapacity(12 + context.metadata.count)
        headers.add(name: ":method", value: "POST")
        headers.add(name: ":scheme", value: "http")
        headers.add(name: ":path", value: method.path)
        headers.add(name: ":authority", value: authority)
        headers.add(name: HeaderName.contentType, value: "application/grpc")
        headers.add(name: "te", value: "trailers")
        if let left { headers.add(name: HeaderName.timeout, value: CallTimeout.format(left), indexing: .nonIndexable) }
        if let authorization { try add(HeaderName.authorization, authorization, indexing: .indexable, to: &headers) }
        if let trace = context.trace ?? TraceContext.current {
            headers.add(name: HeaderName.traceparent, value: trace.traceparent, indexing: .nonIndexable)
            if trace.state != .none {
                headers.add(name: HeaderName.tracestate, value: trace.state.text, indexing: .nonIndexable)
            }
        }
        if let key = context.idempotencyKey {
            try add(HeaderName.idempotencyKey, key, indexing: .nonIndexable, to: &headers)
        }
        if context.principal.kind == .service {
            headers.add(name: HeaderName.speaksFor, value: context.principal.party.header, indexing: .nonIndexable)
        }
        for (name, value) in context.metadata.sorted(by: { $0.key < $1.key }) {
            guard isName(name), !name.hasPrefix("grpc-"), !reserved.contains(name) else {
                throw Fault(.invalidArgument, .invalidRequest, "\(name) is not a valid metadata name")
            }
            try add(name, value, indexing: .nonIndexable, to: &headers)
        }
        let bytes = headers.listBytes
        guard bytes <= bytesMax else {
            throw Fault(
                .resourceExhausted,
                .requestTooLarge,
                "headers of \(bytes) bytes are longer than the limit of \(bytesMax)",
                cause: NotProcessed()
            )
        }
        return headers
    }

    private static let reserved: Set<String> = [
        HeaderName.contentType, HeaderName.authorization, HeaderName.traceparent, HeaderName.tracestate,
        HeaderName.idempotencyKey, HeaderName.speaksFor, "te", "connection", "host", "transfer-encoding", "upgrade",
        "keep-alive",
        "proxy-connection",
    ]

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy {
                0x61...0x7A ~= $0 || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: ".")
            }
    }

    private static func add(
        _ name: String,
        _ value: String,
        indexing: HPACKIndexing,
        to headers: inout HPACKHeaders
    ) throws(Fault) {
        guard isPrintable(value) else {
            throw Fault(.invalidArgument, .invalidRequest, "the value of \(name) is not printable ASCII")
        }
        headers.add(name: name, value: value, indexing: indexing)
    }

    /// Whether it is printable ASCII; looks at all bytes, eight or more at once: a token has hundreds.
    private static func isPrintable(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            var others: UInt8 = 0
            for byte in bytes { others |= byte &- 0x20 > 0x5E ? 1 : 0 }
            return others == 0
        }
    }
}

extension HPACKHeaders {
    /// The size of the list as HTTP/2 counts it: names, values, and 32 bytes for each header.
    var listBytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 32 } }
}
