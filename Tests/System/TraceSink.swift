import BuiltPrograms
import Foundation
import MartletTesting

/// A running collector of OpenTelemetry (`Tests/Traces/sink`), which judges the spans that it gets.
final class TraceSink: Sendable {
    /// Its judgement of all spans.
    struct Judgement: Decodable {
        /// What parents and links connect with one workflow run.
        struct Picture: Decodable {
            let spans: Int
            let services: Set<String>
            let kinds: Set<String>
            /// The first words of the spans' names that are words of the toolkit.
            let names: Set<String>
            /// Of the gateway.
            let roots: [String]
        }
        let spans: Int
        let services: Set<String>
        /// Spans that name a parent or a link which no process has exported.
        let orphans: [String]
        let problems: [String]
        /// What must not be in a span.
        let leaks: [String]
        let picture: Picture
    }

    /// Python with `opentelemetry-proto`; `nil` where it is not installed.
    static let python: Program? = {
        guard let path = Validators.path(of: "python3") else { return nil }
        let program = Program(at: path)
        let works =
            (try? program.run(["-c", "import opentelemetry.proto.collector.trace.v1.trace_service_pb2"]).status) == 0
        return works ? program : nil
    }()

    /// The base address for `--traces-endpoint`.
    let address: String
    private let process: Process
    private let input: Pipe

    init(_ python: Program) throws {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<2 { folder.deleteLastPathComponent() }
        process = python.process([folder.appendingPathComponent("Traces/sink").path])
        let output = Pipe()
        input = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw RunningShop.Failure(what: "the collector did not start")
        }
        address = "http://127.0.0.1:\(port)"
    }

    /// The path of its judgement.
    static func judgement(of run: String, without secrets: [String]) -> String {
        var parts = URLComponents()
        parts.path = "/judge"
        parts.queryItems =
            [URLQueryItem(name: "run", value: run)] + secrets.map { URLQueryItem(name: "secret", value: $0) }
        return parts.string ?? ""
    }

    func end() {
        try? input.fileHandleForWriting.close()  // It ends with its input.
        process.waitUntilExit()
    }
}
