import Console
import Foundation

/// The TCP connections of another process of this machine.
struct ProcessSockets: Sendable {
    /// The maximum number of descriptors read from one process.
    static let filesLimit = 65_536

    let pid: Int32

    /// Shuts down every established connection in both directions; both ends then read end of stream.
    ///
    /// The process keeps its descriptors: each is duplicated with `pidfd_getfd`, permitted to those who may trace the
    /// process: its owner, unless tracing is restricted, and root.
    ///
    /// - Returns: The number of connections shut down.
    /// - Throws: ``CommandFailure`` when the process has exited or may not be traced.
    func shutConnections() throws(CommandFailure) -> Int {
        let established = Self.established(pid)
        let process = try Self.open(pid)
        defer { close(process) }
        var count = 0
        for (descriptor, inode) in sockets() where established.contains(inode) {
            let copy = Self.duplicate(process, descriptor)
            // Closed since it was listed.
            if copy < 0, errno == EBADF { continue }
            guard copy >= 0 else {
                throw CommandFailure(
                    "process \(pid) may not be traced (\(String(cString: strerror(errno)))): cutting needs its owner or root"
                )
            }
            if shutdown(copy, Int32(SHUT_RDWR)) == 0 { count += 1 }
            close(copy)
        }
        return count
    }

    /// Descriptor and inode of each socket, by descriptor.
    private func sockets() -> [(descriptor: Int32, inode: UInt64)] {
        // An exited process has no descriptors.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
        return names.prefix(Self.filesLimit).compactMap { name in
            guard let descriptor = Int32(name),
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)"),
                target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast())
            else { return nil }
            return (descriptor, inode)
        }.sorted { $0.descriptor < $1.descriptor }
    }

    /// Inodes of established TCP connections in `/proc/net/tcp`: the fourth field is the state, the tenth the inode.
    static func established(in table: String) -> [UInt64] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "01" else { return nil }
            return UInt64(fields[9])
        }
    }

    private static func established(_ pid: Int32) -> Set<UInt64> {
        Set(["tcp", "tcp6"].flatMap { established(in: wholeFile("/proc/\(pid)/net/\($0)")) })
    }

    /// The kernel returns such a file page by page: a short read is not end of file.
    private static func wholeFile(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece[..<count]
        }
    }

    private typealias PidfdOpen = @convention(c) (Int32, UInt32) -> Int32
    private typealias PidfdGetfd = @convention(c) (Int32, Int32, UInt32) -> Int32

    private static func open(_ pid: Int32) throws(CommandFailure) -> Int32 {
        guard let symbol = dlsym(nil, "pidfd_open"), dlsym(nil, "pidfd_getfd") != nil else {
            throw CommandFailure("cutting connections needs glibc 2.36 or newer")
        }
        let process = unsafeBitCast(symbol, to: PidfdOpen.self)(pid, 0)
        guard process >= 0 else {
            throw CommandFailure("process \(pid) cannot be reached: \(String(cString: strerror(errno)))")
        }
        return process
    }

    private static func duplicate(_ process: Int32, _ descriptor: Int32) -> Int32 {
        guard let symbol = dlsym(nil, "pidfd_getfd") else { return -1 }
        return unsafeBitCast(symbol, to: PidfdGetfd.self)(process, descriptor, 0)
    }
}
