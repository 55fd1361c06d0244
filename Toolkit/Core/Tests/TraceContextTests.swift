import MartletCore
import Synchronization
import Testing

/// Random numbers that differ.
private final class Counting: Entropy {
    private let count = Atomic<UInt64>(0)

    func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).newValue &* 0x9E37_79B9_7F4A_7C15 }
}

private let ids = "12345678901234567890123456789012-1234567890123456"

// The cases of https://github.com/w3c/trace-context/blob/main/test/test.py.
@Suite("Trace context")
struct TraceContextTests {
    @Test("reads the header that it writes")
    func roundTrip() {
        let entropy = Counting()
        for sampled in [true, false] {
            let root = TraceContext.root(entropy, sampled: sampled)
            let child = root.child(entropy)
            #expect(TraceContext(traceparent: root.traceparent) == root)
            #expect(child.traceID == root.traceID)
            #expect(child.spanID != root.spanID)
            #expect(child.sampled == sampled)
        }
    }

    @Test(
        "the last bit of the flags is whether it is sampled",
        arguments: Array("0123456789abcdef").enumerated().map { $0 }
    )
    func flags(value: Int, digit: Character) throws {
        let trace = try #require(TraceContext(traceparent: "00-\(ids)-0\(digit)"))
        #expect(trace.sampled == (value % 2 == 1))
        // The meaning of other flags is not known: they are not passed on.
        #expect(trace.traceparent == "00-\(ids)-0\(value % 2)")
    }

    @Test(
        "a later version is read as far as version 00 defines it",
        arguments: ["cc-\(ids)-01", "cc-\(ids)-01-what-the-future-will-be-like", "01-\(ids)-01-", " \t00-\(ids)-01\t "]
    )
    func later(header: String) throws {
        let trace = try #require(TraceContext(traceparent: header))
        #expect(trace.traceparent == "00-\(ids)-01")
    }

    @Test(
        "is not read from a header that is not well formed",
        arguments: [
            "", "00", "00-\(ids)-01.", "00-\(ids)-01-what-the-future-will-be-like",
            "cc-\(ids)-01.what-the-future-will-not-be-like", "ff-\(ids)-01", ".0-\(ids)-01", "0.-\(ids)-01",
            "000-\(ids)-01", "0000-\(ids)-01", "0-\(ids)-01", "CC-\(ids)-01",
            "00-00000000000000000000000000000000-1234567890123456-01",
            "00-.2345678901234567890123456789012-1234567890123456-01",
            "00-1234567890123456789012345678901.-1234567890123456-01",
            "00-123456789012345678901234567890123-1234567890123456-01",
            "00-1234567890123456789012345678901-1234567890123456-01",
            "00-ABCDEF78901234567890123456789012-1234567890123456-01",
            "00-12345678901234567890123456789012-0000000000000000-01",
            "00-12345678901234567890123456789012-.234567890123456-01",
            "00-12345678901234567890123456789012-123456789012345.-01",
            "00-12345678901234567890123456789012-12345678901234567-01",
            "00-12345678901234567890123456789012-123456789012345-01",
            "00-\(ids)-.0", "00-\(ids)-0.", "00-\(ids)-001", "00-\(ids)-1", "00-\(ids)",
        ]
    )
    func refused(header: String) { #expect(TraceContext(traceparent: header) == nil) }

    @Test("a request with two headers has none")
    func twice() {
        let header = "00-\(ids)-01"
        let later = "cc-\(ids)-01"
        #expect(TraceContext(traceparent: "\(header), \(header)", tracestate: nil) == nil)
        #expect(TraceContext(traceparent: "\(later),\(later)", tracestate: nil) == nil)
        #expect(TraceContext(traceparent: nil, tracestate: "a=1") == nil)
        #expect(TraceContext(traceparent: header, tracestate: "a=1, b=2")?.state.text == "a=1,b=2")
        #expect(TraceContext(traceparent: header, tracestate: "A=1")?.state == TraceState.none)
    }

    @Test("is made from ids in their own form only")
    func made() {
        let trace = TraceContext(traceID: String(repeating: "a", count: 32), spanID: "00000000000000ff", sampled: true)
        #expect(trace?.traceID == String(repeating: "a", count: 32))
        #expect(trace?.spanID == "00000000000000ff")
        #expect(TraceContext(traceID: "a", spanID: "b", sampled: true) == nil)
    }

    @Test("work that is not recorded keeps the place of a sampled caller, and has one of its own otherwise")
    func unrecorded() {
        let entropy = Counting()
        let (sampled, other) = (TraceContext.root(entropy, sampled: true), TraceContext.root(entropy, sampled: false))
        #expect(TraceContext.unrecorded(after: sampled, entropy) == sampled)
        let next = TraceContext.unrecorded(after: other, entropy)
        #expect(next.traceID == other.traceID)
        #expect(next.spanID != other.spanID)
        #expect(!TraceContext.unrecorded(after: nil, entropy).sampled)
    }
}

@Suite("Trace state")
struct TraceStateTests {
    static let long = String(repeating: "z", count: 256)
    static let longTenant = "\(String(repeating: "t", count: 241))@\(String(repeating: "v", count: 14))=1"
    static let members = (1...33).map { "k\($0)=1" }

    /// What is passed on as it is.
    static let whole: [String] = [
        "foo=1", "foo=1,bar=2", "foo=1,foo=1", "a0_-*/@b0_-*/=1", "0tenant@v=1",
        "foo= !#$&'()*+-./:;<>?@[]^_`{|}~\"%", "\(long)=1", longTenant, members.dropLast().joined(separator: ","), "",
    ]
    static let malformed: [String] = [
        "foo =1", "FOO=1", "foo.bar=1", "foo@=1,bar=2", "@foo=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2",
        "\(long)z=1", "t\(longTenant)", "t@\(String(repeating: "v", count: 15))=1", "foo=bar=baz", "foo=,bar=3",
        "0foo=1",
        "foo", "foo=b\u{1F}r", "foo=é", "t@0v=1", members.joined(separator: ","), "a=\(long)z", "a=\(long),b=\(long)",
    ]

    @Test("is passed on", arguments: whole)
    func accepted(header: String) { #expect(TraceState(header).text == header) }

    @Test(
        "is dropped as a whole when a member is not well formed, or there are too many",
        arguments: malformed
    )
    func dropped(header: String) { #expect(TraceState(header) == .none) }

    @Test("members are joined without the spaces around them")
    func joined() {
        #expect(TraceState("foo=1 \t , \t bar=2, \t baz=3\t \t").text == "foo=1,bar=2,baz=3")
        #expect(TraceState("foo=1,,").text == "foo=1")
    }
}
