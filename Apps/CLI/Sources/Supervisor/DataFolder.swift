import Foundation

/// The folder that holds all that a shop on this machine knows: where each thing lies in it.
struct DataFolder: Sendable {
    static let preset = "./martlet-data"

    /// Absolute, without a slash at its end.
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

    /// Makes the folder and those in it, for their owner only; a repeat does nothing.
    ///
    /// - Throws: ``CommandFailure`` when that is not allowed or not possible.
    func make() throws {
        for folder in [path, keys, logs] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw CommandFailure("the folder \(folder) cannot be made; --data names another")
            }
        }
    }
}
