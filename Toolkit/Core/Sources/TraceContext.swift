/// W3C trace context: which trace a piece of work belongs to.
public struct TraceContext: Sendable, Hashable {
    /// 32 lower-case hexadecimal digits, not all zero.
    public let traceID: String
    /// 16 lower-case hexadecimal digits, not all zero.
    public let spanID: String
    public let sampled: Bool

    public init(traceID: String, spanID: String, sampled: Bool) {
        self.traceID = traceID
        self.spanID = spanID
        self.sampled = sampled
    }

    /// A new trace.
    public static func root(_ entropy: some Entropy) -> TraceContext {
        TraceContext(
            traceID: (entropy.next() | 1).hexadecimal + entropy.next().hexadecimal,
            spanID: (entropy.next() | 1).hexadecimal,
            sampled: true
        )
    }

    /// A new span of the same trace.
    public func child(_ entropy: some Entropy) -> TraceContext {
        TraceContext(traceID: traceID, spanID: (entropy.next() | 1).hexadecimal, sampled: sampled)
    }

    /// The header's form, `00-<trace>-<span>-<flags>`.
    public var traceparent: String { "00-\(traceID)-\(spanID)-\(sampled ? "01" : "00")" }

    /// Reads a `traceparent` header; `nil` unless it is well formed and of version 00.
    public init?(traceparent: String) {
        let bytes = Array(traceparent.utf8)
        guard bytes.count == 55, bytes[2] == 45, bytes[35] == 45, bytes[52] == 45,
            bytes[0] == 48, bytes[1] == 48,
            (bytes[3..<35] + bytes[36..<52] + bytes[53..<55]).allSatisfy({
                (48...57).contains($0) || (97...102).contains($0)
            }),
            bytes[3..<35].contains(where: { $0 != 48 }), bytes[36..<52].contains(where: { $0 != 48 })
        else { return nil }
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
        spanID = String(decoding: bytes[36..<52], as: UTF8.self)
        // Of the digit's value: the letters' codes have another parity than their values.
        let digit = bytes[54]
        sampled = (digit >= 97 ? digit - 87 : digit - 48) & 1 == 1
    }
}

extension TraceContext {
    /// The trace of the running task; set at the entry points, read by logs, calls and messages.
    @TaskLocal public static var current: TraceContext?
}
