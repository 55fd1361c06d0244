package import Foundation

/// A program that tests run as a process.
package struct Program: Sendable {
    /// The outcome of a process that has exited.
    package struct Outcome: Sendable {
        package let status: Int32
        /// Its standard output.
        package let output: Data
        /// Its standard error.
        package let errors: Data

        /// Its whole output, standard output first.
        package var text: String { String(decoding: output + errors, as: UTF8.self) }
    }

    /// The folder of this build's programs: that of the tests, or `MARTLET_PROGRAMS`.
    package static let builtFolder: URL = {
        if let given = ProcessInfo.processInfo.environment["MARTLET_PROGRAMS"] { return URL(fileURLWithPath: given) }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }()

    package let url: URL

    package init(at path: String) { url = URL(fileURLWithPath: path) }

    /// A program of this build.
    package init(built name: String) { url = Self.builtFolder.appendingPathComponent(name) }

    package var exists: Bool { FileManager.default.isExecutableFile(atPath: url.path) }

    /// A process that is not started yet, with an empty standard input.
    package func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.environment = Self.environment
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs it until it exits.
    ///
    /// - Parameters:
    ///   - environment: Additional variables.
    ///   - input: Its standard input.
    /// - Throws: When it cannot be started.
    package func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: Data = Data()
    ) throws -> Outcome {
        // Files instead of pipes: a process that fills one pipe while the other is read would block forever.
        let files = try ["in", "out", "err"].map(Self.file)
        defer { for file in files { unlink(file.path) } }
        try input.write(to: files[0])
        let process = process(arguments)
        process.environment = Self.environment.merging(environment) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            output: try Data(contentsOf: files[1]),
            errors: try Data(contentsOf: files[2])
        )
    }

    /// The environment of this process, except settings of our programs.
    private static let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }

    private static func file(_ name: String) throws -> URL {
        let path = "\(NSTemporaryDirectory())martlet-\(ProcessInfo.processInfo.globallyUniqueString).\(name)"
        try Data().write(to: URL(fileURLWithPath: path))
        return URL(fileURLWithPath: path)
    }
}
