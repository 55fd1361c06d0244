import Console
import Foundation

/// The files of one database in a folder.
struct DatabaseFiles: Sendable {
    /// Besides the database itself: what a process that was killed has not written into it.
    private static let suffixes = ["", "-wal", "-shm"]

    let folder: String
    let name: String

    var path: String { "\(folder)/\(name).sqlite" }
    var exists: Bool { FileManager.default.fileExists(atPath: path) }

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
