import Foundation
import MartletHost
import MartletSecurity

/// Which data folder a folder is, so that a copy of it is recognised.
///
/// Ports, keys and recorded processes belong to one folder. Its identity names the folder in which it was written; a copy
/// contains the same text and lies elsewhere. A folder that is renamed stays the same.
package struct FolderIdentity: Sendable, Equatable, Codable {
    static let bytesLimit = 1 << 16

    /// Unique; the name of the system that runs on the folder.
    package let id: String
    /// Where the folder was when the identity was written.
    package let path: String
    package let file: FileIdentity

    package init(id: String, path: String, file: FileIdentity) {
        self.id = id
        self.path = path
        self.file = file
    }

    /// Whether this is the identity of the folder at `path`.
    ///
    /// The number of a device may change with a boot, that of a file not.
    package func isOf(_ path: String, _ file: FileIdentity) -> Bool {
        guard self.file.inode == file.inode else { return false }
        return self.file.device == file.device || self.path.utf8.elementsEqual(path.utf8)
    }
}

extension DataFolder {
    /// Where the contents of a folder come from.
    package enum Origin: Sendable, Equatable {
        /// Nothing states it: a new folder, or one of an earlier version.
        case unknown
        /// A system was started on this folder.
        case own(FolderIdentity)
        /// The contents were copied from another folder, and no system was started on them since.
        case copy(of: FolderIdentity)
    }

    /// - Throws: ``CommandFailure`` when the identity cannot be read.
    package func origin() throws(CommandFailure) -> Origin {
        guard FileManager.default.fileExists(atPath: identity) else { return .unknown }
        guard let data = FileManager.default.contents(atPath: identity), data.count <= FolderIdentity.bytesLimit,
            let file = FileIdentity(at: path)
        else {
            throw CommandFailure("\(identity): cannot be read, or is over \(FolderIdentity.bytesLimit) bytes")
        }
        do {
            let known = try JSONDecoder().decode(FolderIdentity.self, from: data)
            return known.isOf(path, file) ? .own(known) : .copy(of: known)
        } catch {
            throw CommandFailure("\(identity): is not the identity of a folder; delete it to keep the folder's keys")
        }
    }

    /// - Throws: ``CommandFailure`` for a copy, whose addresses and keys are those of another folder.
    package func requireOwn() throws(CommandFailure) {
        guard case .copy(let original) = try origin() else { return }
        throw CommandFailure(
            "nothing runs on \(path): it is a copy of \(original.path), start it with `martlet up` first",
            status: CommandStatus.notRunning
        )
    }

    /// Makes the folder the caller's own; the caller holds its lock.
    ///
    /// A copy loses what belongs to the original: its ports, its record of processes, and its keys, which are set aside.
    ///
    /// - Parameter id: The identity of a folder without one.
    /// - Returns: The identity, and for a copy the path of the original.
    /// - Throws: ``CommandFailure`` when a file cannot be read, moved or written.
    package func claim(id: String) throws(CommandFailure) -> (identity: FolderIdentity, original: String?) {
        switch try origin() {
        case .own(let known):
            // After a rename, or a boot that numbers devices otherwise, it is written again.
            let isCurrent = known.path.utf8.elementsEqual(path.utf8) && known.file == FileIdentity(at: path)
            return (isCurrent ? known : try write(known.id), nil)
        case .copy(let original):
            try setAside(original.id)
            return (try write(id), original.path)
        case .unknown:
            guard try hasForeignProcesses() else { return (try write(id), nil) }
            try setAside(id)
            return (try write(id), "another folder")
        }
    }

    /// Of a folder without an identity: whether processes run that are recorded in it and do not use it.
    private func hasForeignProcesses() throws(CommandFailure) -> Bool {
        guard let table = try ProcessTable.read(self) else { return false }
        let running = (table.rows.map(\.mark) + [table.supervisor]).compactMap(\.self).filter(\.isAlive)
        return running.contains { !$0.uses(self) }
    }

    private func setAside(_ name: String) throws(CommandFailure) {
        let files = FileManager.default
        do {
            for path in [registry, processes, pidFile] where files.fileExists(atPath: path) {
                try files.removeItem(atPath: path)
            }
            let kept = "\(keys)-of-\(name)"
            if files.fileExists(atPath: kept) { try files.removeItem(atPath: kept) }
            if files.fileExists(atPath: keys) { try files.moveItem(atPath: keys, toPath: kept) }
            try make()
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                "\(path): what belongs to the folder of which it is a copy cannot be removed: \(ErrorText.plain(error))"
            )
        }
    }

    private func write(_ id: String) throws(CommandFailure) -> FolderIdentity {
        guard let file = FileIdentity(at: path) else { throw CommandFailure("\(path): there is no such folder") }
        let known = FolderIdentity(id: id, path: path, file: file)
        try write(known, to: identity)
        return known
    }

    /// Replaces a file of the folder atomically, readable by its owner only.
    func write(_ value: some Encodable, to path: String) throws(CommandFailure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try SecretFile.write(String(decoding: try encoder.encode(value), as: UTF8.self), to: path)
        } catch {
            throw CommandFailure("\(error)")
        }
    }
}
