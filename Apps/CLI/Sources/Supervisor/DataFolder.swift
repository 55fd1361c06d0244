import Foundation

/// The layout of the folder that holds all data of a system on this machine.
struct DataFolder: Sendable {
    static let preset = "./martlet-data"

    /// Absolute, without a trailing slash.
    let path: String

    init(_ path: String) {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        self.path = url.path.count > 1 && url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
    }

    var registry: String { "\(path)/registry.json" }
    var keys: String { "\(path)/keys" }
    var logs: String { "\(path)/logs" }
    var pidFile: String { "\(path)/martlet.pid" }
    var lock: String { "\(path)/martlet.lock" }
    var processes: String { "\(path)/processes.json" }

    func log(of program: String) -> String { "\(logs)/\(program).log" }

    /// Creates the folder and its subfolders, readable only by their owner; idempotent.
    ///
    /// - Throws: ``CommandFailure`` when a folder cannot be created.
    func make() throws {
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
