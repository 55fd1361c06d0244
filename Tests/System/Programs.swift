import Foundation

/// The programs that this build made, beside the tests.
enum Programs {
    static let folder: URL = {
        if let given = ProcessInfo.processInfo.environment["MARTLET_PROGRAMS"] { return URL(fileURLWithPath: given) }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    }()

    static var martlet: URL { folder.appendingPathComponent("martlet") }
    static var areBuilt: Bool { FileManager.default.isExecutableFile(atPath: martlet.path) }

    /// Real invoices beside the project, where they are at hand.
    static let realInvoices: String? = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let path = folder.appendingPathComponent("shared/data/online-retail-2010-12-to-2011-05.csv.gz").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    /// Runs `martlet` to its end.
    static func run(_ arguments: [String]) throws -> (status: Int32, output: Data) {
        let process = Process()
        process.executableURL = martlet
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, data)
    }
}
