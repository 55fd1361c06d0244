import Logging
import MartletCore
import Testing

@testable import MartletTelemetry

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("JSON log line")
struct LogLineTests {
    let handler = JSONLogHandler(
        service: "parcels",
        label: "parcels",
        level: .info,
        time: StoppedTime(),
        output: LogOutput(descriptor: -1)
    )

    func line(_ message: String, error: (any Error)? = nil, _ metadata: Logger.Metadata = [:]) -> String {
        let event = LogEvent(
            level: .info,
            message: "\(message)",
            error: error,
            metadata: metadata,
            source: nil,
            file: "",
            function: "",
            line: 1
        )
        return String(decoding: handler.line(for: event), as: UTF8.self)
    }

    @Test("has its fields in a fixed order, metadata sorted by key")
    func order() {
        #expect(
            line("done", ["b": "2", "a": "1"])
                == #"{"time":"1970-01-01T00:00:00.000000Z","level":"info","service":"parcels","message":"done","metadata":{"a":"1","b":"2"}}"#
        )
    }

    @Test("carries the trace of its task")
    func trace() {
        let trace = TraceContext(
            traceID: "0af7651916cd43dd8448eb211c80319c",
            spanID: "b7ad6b7169203331",
            sampled: true
        )
        let text = TraceContext.$current.withValue(trace) { line("done") }
        #expect(text.contains(#""trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331""#))
    }

    @Test(
        "escapes quotes, backslashes and control characters",
        arguments: ["a\"b", "a\nb", "a\\b", "a\u{0}b", "a\u{7F}b", "a\u{1B}[31m"]
    )
    func escapes(value: String) {
        let text = line(value, ["k": "\(value)"])
        #expect(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F })
        #expect(text.hasSuffix("}}"))
    }

    @Test("stays valid JSON below the size limit; excess metadata is cut")
    func limit() {
        var metadata: Logger.Metadata = [:]
        for number in 1...100 { metadata["key\(number)"] = "\(String(repeating: "ä\u{1}", count: 400))" }
        let text = line(String(repeating: "\"", count: 10_000), metadata)
        #expect(text.utf8.count < LogOutput.lineBytesLimit)
        #expect(text.hasSuffix(#""cut":"true"}}"#))
    }
}

@Suite("Log output")
struct LogOutputTests {
    @Test("drops lines while the reader stalls, and reports their count when it reads again")
    func stalled() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let output = LogOutput(descriptor: ends[1])
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: LogOutput.lineBytesLimit - 1)
        for _ in 1...40 { output.write(line) }
        #expect(output.dropped > 0)

        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        _ = read(ends[0], &buffer, buffer.count)
        output.write(Array("after".utf8))
        #expect(output.dropped == 0)
        let count = read(ends[0], &buffer, buffer.count)
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        #expect(text.contains("log lines were dropped"))
        #expect(text.hasSuffix("after\n"))
    }
}

@Suite("Redacted value")
struct RedactedTests {
    @Test("prints, reflects and dumps without the value")
    func hidden() {
        let secret = Redacted("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!"\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter2"))
        #expect(secret.exposed == "hunter2")
    }
}
