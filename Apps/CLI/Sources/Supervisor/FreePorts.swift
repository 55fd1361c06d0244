import Console
import Foundation
import MartletCore

/// Chooses TCP ports of this machine without a listener.
struct FreePorts {
    /// Below the kernel's range for outgoing connections, so that a restarting daemon finds its port free.
    static let range = 20_000...32_000
    /// How many ports are tried before the search fails.
    static let attemptsLimit = 2_000

    private let entropy: any Entropy
    private var reserved: Set<Int> = []

    init(entropy: any Entropy) { self.entropy = entropy }

    /// Returns `wanted` when it is free, otherwise another port; never the same port twice.
    mutating func reserve(_ wanted: Int?) throws -> Int {
        if let wanted, Self.isFree(wanted), reserved.insert(wanted).inserted { return wanted }
        for _ in 0..<Self.attemptsLimit {
            let port = Self.range.lowerBound + Int(entropy.number(below: UInt64(Self.range.count)))
            if !reserved.contains(port), Self.isFree(port) {
                reserved.insert(port)
                return port
            }
        }
        throw CommandFailure("no free port between \(Self.range.lowerBound) and \(Self.range.upperBound)")
    }

    static func isFree(_ port: Int) -> Bool { bindError(port) == nil }

    /// Why `port` cannot be listened on, on all interfaces; `nil` when it can.
    static func bindError(_ port: Int) -> String? {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #elseif canImport(Musl)
            let stream = SOCK_STREAM | SOCK_CLOEXEC
        #else
            let stream = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, stream, 0)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, listen(descriptor, 1) == 0 else { return String(cString: strerror(errno)) }
        // A child process that is started at this moment holds the socket until its `exec`, and with it the port.
        shutdown(descriptor, Int32(SHUT_RDWR))
        return nil
    }
}
