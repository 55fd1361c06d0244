import Foundation

/// The layout of the folder that holds all data of a system on this machine.
package struct DataFolder: Sendable {
    package static let preset = "./martlet-data"

    /// Absolute, without a trailing slash.
    package let path: String

    package init(_ path: String) {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        self.path = url.path.count > 1 && url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
    }

    package var registry: String { "\(path)/registry.json" }
    package var keys: String { "\(path)/keys" }
    package var logs: String { "\(path)/logs" }
    package var pidFile: String { "\(path)/martlet.pid" }
    package var lock: String { "\(path)/martlet.lock" }
    package var processes: String { "\(path)/processes.json" }

    package func log(of program: String) -> String { "\(logs)/\(program).log" }

    /// Creates the folder and its subfolders, readable only by their owner; idempotent.
    ///
    /// - Throws: ``CommandFailure`` when a folder cannot be created.
    package func make() throws {
        for folder in [path, keys, logs] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw CommandFailure("the folder \(folder) cannot be created; --data names another")
            }
        }
    }
}
