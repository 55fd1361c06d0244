import MartletCore
import Testing

/// A clock and an entropy source with fixed values.
struct Fixed: TimeSource, Entropy {
    var now = Moment(nanoseconds: 0)
    var date: Timestamp
    var bits: UInt64

    func sleep(until moment: Moment) async throws {}
    func next() -> UInt64 { bits }
}

@Suite("Identifier")
struct IdentifierTests {
    @Test("is a UUID of version 7 with the variant of RFC 9562")
    func form() {
        let fixed = Fixed(date: Timestamp(microseconds: 1_645_557_742_000_000), bits: .max)
        let identifier = Identifier(time: fixed, entropy: fixed)
        #expect(identifier.description == "017f22e2-79b0-7fff-bfff-ffffffffffff")
    }

    @Test("sorts by its creation millisecond")
    func order() {
        let early = Fixed(date: Timestamp(microseconds: 1_000_000), bits: .max)
        let late = Fixed(date: Timestamp(microseconds: 1_001_000), bits: 0)
        let first = Identifier(time: early, entropy: early)
        let second = Identifier(time: late, entropy: late)
        #expect(first < second)
        #expect(first.description < second.description)
    }
}

@Suite("Trace context")
struct TraceContextTests {
    @Test("parses the header that it writes")
    func roundTrip() {
        let fixed = Fixed(date: Timestamp(microseconds: 0), bits: 0xDEAD_BEEF)
        let root = TraceContext.root(fixed)
        #expect(TraceContext(traceparent: root.traceparent) == root)
        #expect(root.child(fixed).traceID == root.traceID)
    }

    @Test(
        "the last bit of the flags is whether it is sampled",
        arguments: Array("0123456789abcdef").enumerated().map { $0 }
    )
    func flags(value: Int, digit: Character) throws {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0\(digit)"
        let trace = try #require(TraceContext(traceparent: header))
        #expect(trace.sampled == (value % 2 == 1))
    }

    @Test(
        "rejects a malformed header",
        arguments: [
            "", "00", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        ]
    )
    func refused(header: String) { #expect(TraceContext(traceparent: header) == nil) }
}
