import Foundation

/// The temporary folder of a test's server, owned by the user that the server runs as; removed on deinitialization.
package final class ServerFolder: Sendable {
    /// The user that servers of this process run as.
    struct Owner: Sendable {
        /// The one without rights of its own, for root; `nil` for every other user, who runs them itself.
        let id: UInt32?

        static let current = Owner(id: geteuid() == 0 ? 65_534 : nil)

        /// For `setpriv`.
        var arguments: [String] { id.map { ["--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? [] }
    }

    let owner = Owner.current
    private let folder: TemporaryFolder

    package init() throws {
        folder = try TemporaryFolder()
        try give(folder.path)
    }

    /// Absolute, without a trailing slash.
    package var path: String { folder.path }

    /// The path of `name` in the folder.
    package func file(_ name: String) -> String { folder.file(name) }

    /// Writes a file that only the server can read and write.
    package func write(_ content: String, to name: String) throws {
        let path = file(name)
        guard FileManager.default.createFile(atPath: path, contents: Data(content.utf8)) else {
            throw CocoaError(.fileWriteUnknown)
        }
        guard chmod(path, 0o600) == 0 else { throw CocoaError(.fileWriteNoPermission) }
        try give(path)
    }

    /// Makes a folder inside.
    package func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: file(name), withIntermediateDirectories: false)
        try give(file(name))
    }

    /// The file at `path`, for writing at its end; it is made when it is missing.
    func append(to path: String) throws -> FileHandle {
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw CocoaError(.fileWriteUnknown)
            }
        }
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        return file
    }

    private func give(_ path: String) throws {
        guard let id = owner.id else { return }
        guard chown(path, id, id) == 0 else { throw CocoaError(.fileWriteNoPermission) }
    }
}
