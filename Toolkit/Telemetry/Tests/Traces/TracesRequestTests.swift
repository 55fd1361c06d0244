import MartletCore
import Testing
import Tracing

@testable import MartletTelemetry

@Suite("Export of spans")
struct TracesRequestTests {
    private static func trace(_ span: UInt64, _ state: TraceState = .none) -> TraceContext {
        TraceContext(
            traceBits: (0x1234_5678_9012_3456, 0x7890_1234_5678_9012),
            spanBits: span,
            sampled: true,
            state: state
        )
    }

    private static func span(_ service: String) -> EndedSpan {
        EndedSpan(
            service: service,
            trace: trace(0xA1, TraceState("v=1")),
            parent: 0xB2,
            name: "GET /v1",
            kind: .server,
            startNanoseconds: 1_000_000_000,
            endNanoseconds: 1_500_000_000,
            attributes: [
                EndedSpan.Attribute(name: "http.route", value: .string("/v1")),
                EndedSpan.Attribute(name: "http.response.status_code", value: .int64(500)),
            ],
            events: [],
            links: [trace(0xC3)],
            status: .error,
            dropped: EndedSpan.Dropped(attributes: 1)
        )
    }

    @Test("has the bytes that opentelemetry-proto 1.45 of Python writes for the same span")
    func bytes() {
        let request = TracesRequest([Self.span("parcels")], instance: "one")
        #expect(
            request.bytes.hexadecimal
                == "0ae7020a7d0a190a0c736572766963652e6e616d6512090a0770617263656c730a1c0a13736572766963652e696e7374"
                + "616e63652e696412050a036f6e650a1f0a1274656c656d657472792e73646b2e6e616d6512090a076d6172746c65740a"
                + "210a1674656c656d657472792e73646b2e6c616e677561676512070a05737769667412bc010a090a076d6172746c6574"
                + "12ae010a1012345678901234567890123456789012120800000000000000a11a03763d31220800000000000000b22a07"
                + "474554202f763130023900ca9a3b0000000041002f6859000000004a130a0a687474702e726f75746512050a032f7631"
                + "4a200a19687474702e726573706f6e73652e7374617475735f636f6465120318f40350016a210a101234567890123456"
                + "7890123456789012120800000000000000c335010000007a0218028501010000001a2768747470733a2f2f6f70656e74"
                + "656c656d657472792e696f2f736368656d61732f312e34352e30"
        )
    }

    @Test("the spans of one service are one resource")
    func resources() {
        let spans = ["a", "b", "a"].map { Self.span($0) }
        let (three, one) = (TracesRequest(spans, instance: "one"), TracesRequest([spans[0]], instance: "one"))
        // Two resources, and the spans of three.
        #expect(three.bytes.count < 3 * one.bytes.count)
        #expect(three.bytes.count > 2 * one.bytes.count)
    }

    @Test(
        "reads how many spans a collector has refused",
        arguments: [("0a0708ac0212026e6f", 300), ("", 0), ("0a00", 0)]
    )
    func rejected(hexadecimal: String, count: Int) {
        #expect(TracesResponse(Self.bytes(hexadecimal)).rejected == count)
    }

    @Test("a body that is no answer of a collector refuses nothing", arguments: ["ff", "0a", "0a05", "0b", "0a02ff"])
    func malformed(hexadecimal: String) { #expect(TracesResponse(Self.bytes(hexadecimal)).rejected == 0) }

    private static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal.utf8)
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
        }
    }
}
