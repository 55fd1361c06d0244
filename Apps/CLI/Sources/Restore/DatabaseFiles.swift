import Console
import Foundation
import MartletCore

/// The files of one database in a folder.
struct DatabaseFiles: Sendable {
    /// Besides the database itself: what a process that was killed has not written into it.
    private static let suffixes = ["", "-wal", "-shm"]
    private static let preparedMark = ".restoring"

    let folder: String
    let name: String

    var path: String { "\(folder)/\(name).sqlite" }
    var exists: Bool { FileManager.default.fileExists(atPath: path) }
    /// Where a restore prepares the files that it then puts in place.
    var prepared: DatabaseFiles { DatabaseFiles(folder: folder, name: name + Self.preparedMark) }

    /// Refuses a folder in which a restore was interrupted: its database may be missing, and a service would begin an
    /// empty one.
    ///
    /// - Parameter name: The database whose restore is repeated; `nil` when none is.
    /// - Throws: ``CommandFailure`` with the command that completes the restore.
    static func requireNoInterruptedRestore(in folder: DataFolder, except name: String? = nil) throws {
        // A folder that cannot be listed has no database that could be found.
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let end = "\(preparedMark).sqlite"
        for file in files.sorted() where file.hasSuffix(end) {
            let interrupted = String(file.dropLast(end.count))
            if let name, ExactText(name) == ExactText(interrupted) { continue }
            throw CommandFailure(
                "a restore of \(interrupted) was interrupted (\(folder.path)/\(file)): complete it with "
                    + "`martlet restore \(interrupted) --data \(folder.path) --from FOLDER`"
            )
        }
    }

    /// Renames the files to names that nothing opens.
    ///
    /// - Returns: The new paths; empty when there are no files.
    /// - Throws: ``CommandFailure`` when a file cannot be renamed.
    func setAside(as mark: String) throws -> [String] {
        var paths: [String] = []
        for suffix in Self.suffixes where FileManager.default.fileExists(atPath: path + suffix) {
            let target = "\(path).before-\(mark)\(suffix)"
            do {
                try FileManager.default.moveItem(atPath: path + suffix, toPath: target)
            } catch {
                throw CommandFailure("\(path)\(suffix): cannot be renamed")
            }
            paths.append(target)
        }
        return paths
    }

    /// Copies the files to another place, without the shared memory, which is made again.
    ///
    /// - Throws: ``CommandFailure`` when a file cannot be copied.
    func copy(to other: DatabaseFiles) throws {
        for suffix in ["-wal", ""] where FileManager.default.fileExists(atPath: path + suffix) {
            do {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: other.path + suffix)
            } catch {
                throw CommandFailure("\(path)\(suffix): cannot be copied to \(other.path)\(suffix)")
            }
        }
    }

    /// Renames the files; the database last, so that an interrupted move leaves no database without its log.
    ///
    /// - Throws: ``CommandFailure`` when a file cannot be renamed.
    func move(to other: DatabaseFiles) throws {
        for suffix in ["-wal", ""] where FileManager.default.fileExists(atPath: path + suffix) {
            do {
                try FileManager.default.moveItem(atPath: path + suffix, toPath: other.path + suffix)
            } catch {
                throw CommandFailure("\(path)\(suffix): cannot be renamed to \(other.path)\(suffix)")
            }
        }
    }

    /// Removes what an interrupted restore has left.
    func remove() {
        // A file that is missing is removed; one that stays makes the copy fail.
        for suffix in Self.suffixes + [".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }
}
