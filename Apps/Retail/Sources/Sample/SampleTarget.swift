import Console
import Foundation

/// The output of sample invoices: standard output, a file, or a file through gzip.
///
/// A file appears under its name only when it is complete.
struct SampleTarget {
    private let handle: FileHandle
    private let gzip: Process?
    private let path: String?
    private var temporary: String? { path.map { "\($0).part" } }

    /// - Parameter output: A path, or `-` for standard output.
    init(_ output: String) throws {
        guard output != "-" else {
            handle = .standardOutput
            gzip = nil
            path = nil
            return
        }
        path = output
        guard FileManager.default.createFile(atPath: "\(output).part", contents: nil),
            let file = FileHandle(forWritingAtPath: "\(output).part")
        else { throw CommandFailure("\(output): cannot be written") }
        guard output.hasSuffix(".gz") else {
            handle = file
            gzip = nil
            return
        }
        let pipe = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Without name and date in the header, equal seeds give equal files.
        process.arguments = ["gzip", "--no-name", "--stdout"]
        process.standardInput = pipe
        process.standardOutput = file
        try process.run()
        try file.close()
        handle = pipe.fileHandleForWriting
        gzip = process
    }

    func write(_ piece: [UInt8]) throws { try handle.write(contentsOf: Data(piece)) }

    /// Renames the finished file to its path.
    func finish() throws {
        guard let path, let temporary else { return }
        try handle.close()
        if let gzip {
            gzip.waitUntilExit()
            guard gzip.terminationStatus == 0 else {
                throw CommandFailure("\(path): gzip ended with status \(gzip.terminationStatus)")
            }
        }
        guard rename(temporary, path) == 0 else {
            throw CommandFailure("\(path): \(String(cString: strerror(errno)))")
        }
    }
}
