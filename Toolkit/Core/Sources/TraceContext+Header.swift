// https://www.w3.org/TR/trace-context/ on the header `traceparent`.
extension TraceContext {
    /// The header's form, `00-<trace>-<span>-<flags>`.
    public var traceparent: String {
        String(unsafeUninitializedCapacity: 55) { buffer in
            UInt8(0).writeHexadecimal(to: buffer, at: 0)
            traceBits.high.writeHexadecimal(to: buffer, at: 3)
            traceBits.low.writeHexadecimal(to: buffer, at: 19)
            spanBits.writeHexadecimal(to: buffer, at: 36)
            UInt8(sampled ? 1 : 0).writeHexadecimal(to: buffer, at: 53)
            for dash in [2, 35, 52] { buffer[dash] = UInt8(ascii: "-") }
            return 55
        }
    }

    /// Reads a `traceparent` header; `nil` unless it is well formed.
    ///
    /// A header of a later version is read as far as version 00 defines it: more may follow after a dash. Of the flags only
    /// the one for sampling has a meaning.
    ///
    /// - Parameters:
    ///   - traceparent: One value; spaces and tabs around it do not count.
    ///   - state: The trace's state, which is dropped with a header that is not well formed.
    public init?(traceparent: String, state: TraceState = .none) {
        var text = traceparent
        let parsed = text.withUTF8 { Self.parse(TraceState.trimmed($0[...])) }
        guard let parsed else { return nil }
        self.init(
            traceBits: (parsed.high, parsed.low),
            spanBits: parsed.span,
            sampled: parsed.flags & 1 == 1,
            state: state
        )
    }

    /// Reads the headers of a request, each with all of its values, joined by commas.
    ///
    /// Two contexts are none.
    package init?(traceparent: String?, tracestate: String?) {
        guard let traceparent else { return nil }
        self.init(traceparent: traceparent, state: tracestate.map { TraceState($0) } ?? .none)
    }

    private typealias Parsed = (high: UInt64, low: UInt64, span: UInt64, flags: UInt64)

    private static func parse(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Parsed? {
        let (start, dash) = (bytes.startIndex, UInt8(ascii: "-"))
        func number(_ offset: Int, _ digits: Int) -> UInt64? {
            hexadecimal(bytes[(start + offset)..<(start + offset + digits)])
        }
        guard bytes.count >= 55, bytes[start + 2] == dash, bytes[start + 35] == dash, bytes[start + 52] == dash,
            let version = number(0, 2), version != 0xFF,
            bytes.count == 55 || version > 0 && bytes[start + 55] == dash,
            let high = number(3, 16), let low = number(19, 16), let span = number(36, 16), let flags = number(53, 2),
            high | low != 0, span != 0
        else { return nil }
        return (high, low, span, flags)
    }

    /// The number of at most 16 lower-case hexadecimal digits.
    private static func hexadecimal(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
