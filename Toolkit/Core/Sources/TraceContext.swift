/// W3C trace context: which trace a piece of work belongs to, and its place in it.
public struct TraceContext: Sendable, Hashable {
    /// The trace's 128 bits.
    package let traceBits: (high: UInt64, low: UInt64)
    /// The span's 64 bits.
    package let spanBits: UInt64
    /// Whether the spans of the trace are recorded.
    public let sampled: Bool
    /// What other tracing systems have added to the trace; passed on as it is.
    public let state: TraceState

    package init(
        traceBits: (high: UInt64, low: UInt64),
        spanBits: UInt64,
        sampled: Bool,
        state: TraceState = .none
    ) {
        self.traceBits = traceBits
        self.spanBits = spanBits
        self.sampled = sampled
        self.state = state
    }

    /// - Parameters:
    ///   - traceID: 32 lower-case hexadecimal digits, not all zero.
    ///   - spanID: 16 lower-case hexadecimal digits, not all zero.
    ///   - sampled: Whether the spans of the trace are recorded.
    /// - Returns: `nil` for other texts.
    public init?(traceID: String, spanID: String, sampled: Bool) {
        self.init(traceparent: "00-\(traceID)-\(spanID)-\(sampled ? "01" : "00")")
    }

    /// 32 lower-case hexadecimal digits, not all zero.
    public var traceID: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            traceBits.high.writeHexadecimal(to: buffer, at: 0)
            traceBits.low.writeHexadecimal(to: buffer, at: 16)
            return 32
        }
    }

    /// 16 lower-case hexadecimal digits, not all zero.
    public var spanID: String { spanBits.hexadecimal }

    /// A new trace.
    public static func root(_ entropy: some Entropy, sampled: Bool) -> TraceContext {
        TraceContext(
            traceBits: (entropy.next() | 1, entropy.next()),
            spanBits: entropy.next() | 1,
            sampled: sampled
        )
    }

    /// A new span of the same trace.
    public func child(_ entropy: some Entropy) -> TraceContext {
        TraceContext(traceBits: traceBits, spanBits: entropy.next() | 1, sampled: sampled, state: state)
    }

    /// The same place in the trace under another decision about its recording.
    package func sampled(_ sampled: Bool) -> TraceContext {
        TraceContext(traceBits: traceBits, spanBits: spanBits, sampled: sampled, state: state)
    }

    /// The place of work that is not recorded, after that of its caller; a new trace without one.
    ///
    /// In a sampled trace it is the caller's own, so that what is recorded later has a parent that exists. In another one
    /// it is new, so that calls differ in log lines.
    package static func unrecorded(after caller: TraceContext?, _ entropy: some Entropy) -> TraceContext {
        guard let caller else { return root(entropy, sampled: false) }
        return caller.sampled ? caller : caller.child(entropy)
    }

    package func isSameTrace(as other: TraceContext) -> Bool { traceBits == other.traceBits }

    public static func == (left: TraceContext, right: TraceContext) -> Bool {
        left.traceBits == right.traceBits && left.spanBits == right.spanBits && left.sampled == right.sampled
            && left.state == right.state
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(traceBits.low)
        hasher.combine(spanBits)
    }
}

extension TraceContext {
    /// The trace of the running task; set at the entry points, read by logs, calls and messages.
    @TaskLocal public static var current: TraceContext?
}
