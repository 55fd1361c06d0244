#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that only its owner may read, or one that the system has mounted for a group of this process.
package enum SecretFile {
    package static let bytesLimit = 1 << 16

    /// The file cannot be read or written.
    package struct Unreadable: Error, Equatable, CustomStringConvertible {
        package let path: String
        package let message: String

        package init(path: String, message: String) {
            self.path = path
            self.message = message
        }

        package var description: String { "\(path): \(message)" }
    }

    /// Creates or replaces the file atomically, with mode 0600; after an error it is unchanged.
    package static func write(_ text: String, to path: String) throws(Unreadable) {
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        let bytes = Array(text.utf8)
        let written = writeBytes(bytes, to: descriptor)
        let reason: Int32
        switch written {
        case bytes.count: reason = fsync(descriptor) == 0 ? 0 : errno
        case ..<0: reason = errno
        // There was no room for the rest.
        default: reason = ENOSPC
        }
        guard close(descriptor) == 0, reason == 0, rename(temporary, path) == 0 else {
            let unreadable = failure(path, reason == 0 ? errno : reason)
            unlink(temporary)
            throw unreadable
        }
    }

    /// Reads the file; `nil` if it does not exist.
    ///
    /// - Throws: ``Unreadable`` also when other users can read it, see ``isPrivate(_:groups:)``.
    package static func read(_ path: String) throws(Unreadable) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard isPrivate(Access(status), groups: ownGroups()) else {
            throw Unreadable(path: path, message: "other users can read it: chmod 600 it and create a new one")
        }
        var bytes = [UInt8](repeating: 0, count: bytesLimit)
        let count = readBytes(&bytes, from: descriptor)
        guard count >= 0, count < bytesLimit else { throw failure(path) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Who may read a file.
    struct Access: Equatable {
        /// Its permissions, the lower nine bits.
        let mode: UInt32
        let owner: UInt32
        let group: UInt32
    }

    /// Whether a file is a secret of this process.
    ///
    /// For its owner only; or owned by root and readable, not writable, by a group of this process: so Kubernetes mounts a
    /// secret for a process that is not root.
    static func isPrivate(_ file: Access, groups: Set<UInt32>) -> Bool {
        if file.mode & 0o077 == 0 { return true }
        return file.mode & 0o037 == 0 && file.owner == 0 && groups.contains(file.group)
    }

    /// The groups of this process.
    private static func ownGroups() -> Set<UInt32> {
        let count = getgroups(0, nil)
        guard count > 0 else { return [getegid()] }
        var groups = [gid_t](repeating: 0, count: Int(count))
        // They cannot become more between the calls.
        let filled = getgroups(count, &groups)
        return Set(groups.prefix(Int(max(0, filled)))).union([getegid()])
    }

    private static func failure(_ path: String, _ reason: Int32 = errno) -> Unreadable {
        Unreadable(path: path, message: String(cString: strerror(reason)))
    }
}

extension SecretFile.Access {
    init(_ status: stat) {
        self.init(mode: UInt32(status.st_mode) & 0o777, owner: UInt32(status.st_uid), group: UInt32(status.st_gid))
    }
}

// Outside the type, whose functions hide the system's of the same names.

private func writeBytes(_ bytes: [UInt8], to descriptor: Int32) -> Int { write(descriptor, bytes, bytes.count) }

private func readBytes(_ bytes: inout [UInt8], from descriptor: Int32) -> Int { read(descriptor, &bytes, bytes.count) }
