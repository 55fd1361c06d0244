import Console
import Foundation

/// A file with the body of one event, as JSON or as bytes.
enum EventBodyFile {
    static let bytesLimit = 262_144

    /// - Parameter path: `-` for standard input.
    /// - Throws: ``CommandFailure`` when it cannot be read, is empty or too large.
    static func read(_ path: String) throws -> Data {
        let file: FileHandle? = path == "-" ? .standardInput : FileHandle(forReadingAtPath: path)
        guard let data = try file?.read(upToCount: bytesLimit + 1), data.count <= bytesLimit else {
            throw CommandFailure("\(path): cannot be read, is empty, or is over \(bytesLimit) bytes")
        }
        return data
    }
}
