public import Foundation

/// A program of this machine, run by tests as a process of its own.
public struct Program: Sendable {
    /// What a program left behind.
    public struct Ended: Sendable {
        public let status: Int32
        /// Its standard output.
        public let output: Data
        /// Its standard error.
        public let errors: Data

        /// All that it said, standard output first.
        public var words: String { String(decoding: output + errors, as: UTF8.self) }
    }

    /// Where the programs of this build lie: beside the tests, or in the folder that `MARTLET_PROGRAMS` names.
    public static let builtFolder: URL = {
        if let given = ProcessInfo.processInfo.environment["MARTLET_PROGRAMS"] { return URL(fileURLWithPath: given) }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }()

    public let url: URL

    public init(at path: String) { url = URL(fileURLWithPath: path) }

    /// A program that this build made.
    public init(built name: String) { url = Self.builtFolder.appendingPathComponent(name) }

    public var isThere: Bool { FileManager.default.isExecutableFile(atPath: url.path) }

    /// A process that has not begun; nothing comes to its standard input.
    public func process(_ arguments: [String]) -> Process {
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.environment = Self.environment
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs it to its end.
    ///
    /// - Parameters:
    ///   - environment: Further variables.
    ///   - input: What comes to its standard input.
    /// - Throws: When it cannot be started.
    public func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        input: Data = Data()
    ) throws -> Ended {
        // Files instead of pipes: whoever fills one pipe while the other is read would wait for good.
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
        return Ended(
            status: process.terminationStatus,
            output: try Data(contentsOf: files[1]),
            errors: try Data(contentsOf: files[2])
        )
    }

    /// That of this process, but for settings of our programs: those belong to whoever tests, not to what is tested.
    private static let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MARTLET_") }

    private static func file(_ name: String) throws -> URL {
        let path = "\(NSTemporaryDirectory())martlet-\(ProcessInfo.processInfo.globallyUniqueString).\(name)"
        try Data().write(to: URL(fileURLWithPath: path))
        return URL(fileURLWithPath: path)
    }
}
