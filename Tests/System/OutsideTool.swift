import Foundation

/// A program that judges ours: of the machine, or of the tools that generation keeps beside the project.
struct OutsideTool {
    let path: String

    static let promtool = OutsideTool("promtool")
    static let openAPIValidator = OutsideTool("openapi-spec-validator")

    init?(_ name: String) {
        var project = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { project.deleteLastPathComponent() }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let places = [project.appendingPathComponent(".build-tools/venv/bin").path] + folders
        guard
            let place = places.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
        else { return nil }
        path = "\(place)/\(name)"
    }

    /// Runs it with `input` on its standard input; what it says, and whether it is content.
    func judge(_ input: Data, _ arguments: [String]) throws -> (isContent: Bool, words: String) {
        let file = NSTemporaryDirectory() + ProcessInfo.processInfo.globallyUniqueString
        try input.write(to: URL(fileURLWithPath: file))
        defer { unlink(file) }
        let ended = try Programs.run(
            URL(fileURLWithPath: path),
            arguments,
            standardInput: file
        )
        return (ended.status == 0, ended.words)
    }
}

extension Programs {
    /// What a program left behind.
    struct Ended {
        let status: Int32
        /// Standard output and standard error.
        let words: String
    }

    /// Runs any program to its end.
    static func run(
        _ program: URL,
        _ arguments: [String],
        environment: [String: String] = [:],
        standardInput: String? = nil
    ) throws -> Ended {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = standardInput.flatMap { FileHandle(forReadingAtPath: $0) } ?? FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Ended(status: process.terminationStatus, words: String(decoding: data, as: UTF8.self))
    }
}
