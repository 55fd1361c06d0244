import Foundation
import MartletTesting
import Synchronization

/// An external program that validates our wire format: its input, and its output line by line.
final class Program: Sendable {
    static let hasGRPC = isAvailable("python3", ["-c", "import grpc"])
    static let hasH2Load = isAvailable("h2load", ["--version"])

    /// Also true where the program is required: its tests then fail without it.
    private static func isAvailable(_ name: String, _ arguments: [String]) -> Bool {
        if Validators.areRequired { return true }
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        probe.arguments = [name] + arguments
        probe.standardOutput = FileHandle.nullDevice
        probe.standardError = FileHandle.nullDevice
        do { try probe.run() } catch { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }

    /// The script beside this file.
    static func python(_ arguments: [String]) throws -> Program {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("interop.py")
        return try Program("python3", [script.path] + arguments)
    }

    fileprivate struct Output {
        var text = ""
        var ended = false
        var waiting: CheckedContinuation<String?, Never>?
    }

    private let process: Process
    private let input = Pipe()
    private let output = Mutex(Output())

    init(_ name: String, _ arguments: [String]) throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.standardInput = input
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let reader = pipe.fileHandleForReading
        // One thread reads to the end: Foundation's handlers may run out of order and lose the end.
        Thread.detachNewThread {
            var data: Data
            repeat {
                data = reader.availableData
                self.arrived(data)
            } while !data.isEmpty
        }
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

    func send(_ line: String) { input.fileHandleForWriting.write(Data("\(line)\n".utf8)) }

    /// Closes the program's input, at which it exits.
    func finish() {
        try? input.fileHandleForWriting.close()  // It may have exited already.
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

extension Program.Output {
    fileprivate mutating func nextLine() -> String? {
        guard let end = text.firstIndex(of: "\n") else { return nil }
        let line = String(text[..<end])
        text = String(text[text.index(after: end)...])
        return line
    }
}
