import Foundation

/// A temporary folder for one test, removed on deinitialization.
public final class TemporaryFolder: Sendable {
    /// Absolute, without a trailing slash.
    public let path: String

    public init() throws {
        let parent = FileManager.default.temporaryDirectory.path
        var template = Array("\(parent)/martlet-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw CocoaError(.fileWriteUnknown) }
        path = String(cString: made)
    }

    deinit {
        // If this fails, the system cleans up temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of `name` in the folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }
}
