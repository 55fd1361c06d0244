import Foundation
import MartletContract
import MartletCore
import MartletTesting
import NIOCore
import SwiftProtobuf
import Testing

@testable import MartletRPC

@Suite(
    "Interoperability with h2load",
    .enabled(if: Program.hasH2Load),
    .serialized,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct H2LoadSocketTests {
    struct Load: Sendable, CustomTestStringConvertible {
        let calls: Int
        let connections: Int
        let streams: Int
        /// Bytes of the text in each call, which is echoed.
        let textBytes: Int
        /// The window of each stream is 2 to this power, less one.
        let windowBits: Int

        var testDescription: String { "\(calls) calls of \(textBytes) bytes, \(connections)×\(streams) at a time" }
    }

    @Test(
        "our server responds completely to every concurrent call",
        arguments: [
            Load(calls: 2_000, connections: 8, streams: 50, textBytes: 7, windowBits: 16),
            Load(calls: 200, connections: 10, streams: 10, textBytes: 100_000, windowBits: 16),
            // Each response needs many window updates.
            Load(calls: 60, connections: 3, streams: 10, textBytes: 30_000, windowBits: 10),
        ]
    )
    func concurrentCalls(_ load: Load) async throws {
        let message: FramedMessage = try Text(String(repeating: "x", count: load.textBytes)).serializedBytes()
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(SystemEntropy().next()).grpc")
        try Data(message.buffer.readableBytesView).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let lines = try await RPCFixture.with { fixture in
            let program = try Program(
                "h2load",
                [
                    "-n", "\(load.calls)", "-c", "\(load.connections)", "-m", "\(load.streams)", "-w",
                    "\(load.windowBits)", "-d", file.path, "-H", "content-type: application/grpc", "-H", "te: trailers",
                    "http://127.0.0.1:\(fixture.port)\(TextMethods.echo.path)",
                ]
            )
            var lines: [String] = []
            while let line = await program.line() { lines.append(line) }
            return lines
        }
        let calls = load.calls
        #expect(
            lines.contains(
                "requests: \(calls) total, \(calls) started, \(calls) done, \(calls) succeeded, 0 failed, 0 errored, "
                    + "0 timeout"
            ),
            "\(lines)"
        )
        #expect(lines.contains("status codes: \(calls) 2xx, 0 3xx, 0 4xx, 0 5xx"))
        // A refused gRPC call returns no message: h2load does not parse gRPC, but counts bytes.
        let bytes = calls * message.buffer.readableBytes
        #expect(lines.contains { $0.hasPrefix("traffic: ") && $0.hasSuffix("(\(bytes)) data") }, "\(lines)")
    }
}
