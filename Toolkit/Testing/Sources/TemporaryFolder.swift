import Foundation

/// A folder of one test's own, removed when it is forgotten.
public final class TemporaryFolder: Sendable {
    /// Absolute, without a slash at its end.
    public let path: String

    public init() throws {
        let parent = FileManager.default.temporaryDirectory.path
        var template = Array("\(parent)/martlet-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw CocoaError(.fileWriteUnknown) }
        path = String(cString: made)
    }

    deinit {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of `name` in the folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }
}
