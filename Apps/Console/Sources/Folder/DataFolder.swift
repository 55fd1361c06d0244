import Foundation
import MartletSecurity

/// The layout of the folder that holds all data of a system on this machine.
package struct DataFolder: Sendable {
    package static let preset = "./martlet-data"
    /// The permissions of the folder and its subfolders.
    static let mode: mode_t = 0o700
    /// The permissions of its files.
    private static let fileMode: mode_t = 0o600
    /// The permissions of all users but the owner.
    private static let others: mode_t = 0o077

    /// Absolute, without a trailing slash.
    package let path: String

    package init(_ path: String) {
        let url = URL(fileURLWithPath: path).standardizedFileURL
        self.path = url.path.count > 1 && url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
    }

    package var registry: String { "\(path)/registry.json" }
    package var keys: String { "\(path)/keys" }
    /// The topology of the running system: the event log decides by it.
    package var topology: String { "\(path)/topology.json" }
    package var logs: String { "\(path)/logs" }
    package var identity: String { "\(path)/identity.json" }
    package var pidFile: String { "\(path)/martlet.pid" }
    package var lock: String { "\(path)/martlet.lock" }
    package var processes: String { "\(path)/processes.json" }

    /// The folder of a program with public keys and its own tokens: the private key is not in it.
    package func keys(of program: String) -> String { "\(keys)/\(program)" }

    package func log(of program: String) -> String { "\(logs)/\(program).log" }

    /// Creates the folder and its subfolders, and makes them and their files readable only by their owner; idempotent.
    ///
    /// - Throws: ``CommandFailure`` when a folder cannot be created, and for a folder that others use, too.
    package func make() throws(CommandFailure) {
        try requireUnshared()
        for folder in [path, keys, logs] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: Int(Self.mode)]
                )
            } catch {
                throw CommandFailure("the folder \(folder) cannot be created; --data names another")
            }
            if let status = Self.status(folder) { Self.restrict(folder, status, to: Self.mode) }
            // Files that cannot be listed are not ours, and what a link leads to is elsewhere.
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                let file = "\(folder)/\(name)"
                var status = stat()
                guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
                Self.restrict(file, status, to: Self.fileMode)
            }
        }
    }

    /// The files that are in the folder and its logs, whatever their names are.
    var files: Set<FileIdentity> {
        let paths = [path, logs].flatMap { folder in
            // A folder that cannot be listed has no file that a process could be recognised by.
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
        }
        return Set(paths.compactMap(FileIdentity.init(at:)))
    }

    /// Others lose their permissions on a data folder; one that contains something else may be theirs.
    private func requireUnshared() throws(CommandFailure) {
        guard let status = Self.status(path), status.st_mode & S_IFMT == S_IFDIR, status.st_mode & Self.others != 0
        else {
            return
        }
        let contents = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        let marks = [registry, lock, identity, LocalIssuer.keySetPath(in: keys)]
        let isOurs = marks.contains { FileManager.default.fileExists(atPath: $0) }
        let isSticky = status.st_mode & S_ISVTX != 0
        guard isOurs || contents.isEmpty && !isSticky else {
            throw CommandFailure(
                "the folder \(path) is not a data folder, and other users may read it: name an empty one with --data, "
                    + "or take their permissions away first"
            )
        }
    }

    /// Takes all other permissions away from a file or folder of this process's user.
    private static func restrict(_ path: String, _ status: stat, to mode: mode_t) {
        guard status.st_uid == geteuid(), status.st_mode & others != 0 else { return }
        // A file system without permissions may refuse; then they mean nothing there.
        _ = chmod(path, status.st_mode & mode)
    }

    /// `nil` when there is no such file; of a link, what it leads to.
    private static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }
}
