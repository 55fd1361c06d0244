import Foundation
import Synchronization

/// Runs the script beside this file.
final class Python: Sendable {
    static let isAvailable: Bool = {
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        probe.arguments = ["python3", "-c", "import grpc"]
        probe.standardError = FileHandle.nullDevice
        do { try probe.run() } catch { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    fileprivate struct Output {
        var text = ""
        var ended = false
        var waiting: CheckedContinuation<String?, Never>?
    }

    private let process: Process
    private let input = Pipe()
    private let output = Mutex(Output())

    init(_ arguments: [String]) throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("interop.py")
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script.path] + arguments
        process.standardInput = input
        let pipe = Pipe()
        process.standardOutput = pipe
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            self?.arrived(data)
        }
        try process.run()
    }

    /// The next line of its output, `nil` at the end.
    func line() async -> String? {
        await withCheckedContinuation { continuation in
            let line: String?? = output.withLock { output in
                if let line = output.nextLine() { return .some(line) }
                if output.ended { return .some(nil) }
                output.waiting = continuation
                return nil
            }
            if let line { continuation.resume(returning: line) }
        }
    }

    func say(_ line: String) { input.fileHandleForWriting.write(Data("\(line)\n".utf8)) }

    /// Ends its input, and so itself.
    func finish() {
        try? input.fileHandleForWriting.close()  // It may have gone already.
    }

    private func arrived(_ data: Data) {
        let (waiting, line) = output.withLock { output in
            output.text += String(decoding: data, as: UTF8.self)
            output.ended = data.isEmpty
            guard let waiting = output.waiting else { return (CheckedContinuation<String?, Never>?.none, String?.none) }
            let line = output.nextLine()
            guard line != nil || output.ended else { return (nil, nil) }
            output.waiting = nil
            return (waiting, line)
        }
        waiting?.resume(returning: line)
    }
}

extension Python.Output {
    fileprivate mutating func nextLine() -> String? {
        guard let end = text.firstIndex(of: "\n") else { return nil }
        let line = String(text[..<end])
        text = String(text[text.index(after: end)...])
        return line
    }
}
