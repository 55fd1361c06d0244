import NIOCore
import Testing

@testable import MartletREST

@Suite("Scan of a head")
struct HeadScanTests {
    private static func outcome(_ text: String) -> HeadScan.Outcome {
        var scan = HeadScan()
        return ByteBuffer(string: text).withUnsafeReadableBytes { scan.scan($0) }
    }

    @Test("ends after the empty line")
    func end() {
        #expect(Self.outcome("a\r\nb: c\td\r\n\r\nx") == .end(bytes: 13))
        #expect(Self.outcome("\r\n") == .end(bytes: 2))
        #expect(Self.outcome("a\r\nb\r\n\r") == .more)
    }

    @Test(
        "refuses other ends of lines, folded fields and control characters",
        arguments: [
            "a\n", "a\r\nb\n", "a\r\n\n", "a\rb", "a\r\r\n", "\n", "a\r\n b", "a\r\n\tb", " a", "a\0", "a\u{1}b",
            "a\u{7F}",
            "a\u{B}b",
        ]
    )
    func refused(_ text: String) {
        guard case .refuse = Self.outcome(text) else {
            Issue.record("accepted")
            return
        }
    }
}
