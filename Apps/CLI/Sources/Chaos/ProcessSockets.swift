import Foundation

/// The TCP connections of another process of this machine.
struct ProcessSockets: Sendable {
    /// Files of one process that are looked at.
    static let filesLimit = 65_536

    let pid: Int32

    /// Shuts every established connection, in both directions; both ends then read the end of the stream.
    ///
    /// The process keeps its descriptors: a copy of each is borrowed from it (`pidfd_getfd`), which the kernel allows to whoever
    /// may trace the process: its owner, unless the machine restricts tracing, and root.
    ///
    /// - Returns: How many were shut.
    /// - Throws: ``CommandFailure`` when the process is gone or may not be traced.
    func shutConnections() throws(CommandFailure) -> Int {
        let established = Self.established(pid)
        let process = try Self.open(pid)
        defer { close(process) }
        var count = 0
        for (descriptor, inode) in sockets() where established.contains(inode) {
            let copy = Self.borrow(process, descriptor)
            // It was closed since it was listed.
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
        // A process that has ended has no files.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
        return names.prefix(Self.filesLimit).compactMap { name in
            guard let descriptor = Int32(name),
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)"),
                target.hasPrefix("socket:["), let inode = UInt64(target.dropFirst(8).dropLast())
            else { return nil }
            return (descriptor, inode)
        }.sorted { $0.descriptor < $1.descriptor }
    }

    /// Inodes of established TCP connections, as in `/proc/net/tcp`: the fourth field is the state, the tenth the inode.
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

    /// The kernel gives such a file a page at a time, so that a short read is not its end.
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

    private static func borrow(_ process: Int32, _ descriptor: Int32) -> Int32 {
        guard let symbol = dlsym(nil, "pidfd_getfd") else { return -1 }
        return unsafeBitCast(symbol, to: PidfdGetfd.self)(process, descriptor, 0)
    }
}
