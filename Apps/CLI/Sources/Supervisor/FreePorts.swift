import Foundation
import MartletCore

/// Chooses TCP ports of this machine that nobody listens on.
struct FreePorts {
    /// Below the range from which the kernel takes the ports of outgoing connections: a daemon that restarts finds its own
    /// port free.
    static let range = 20_000...32_000
    /// How many ports are tried before there are none.
    static let triesLimit = 2_000

    private let entropy: any Entropy
    private var taken: Set<Int> = []

    init(entropy: any Entropy) { self.entropy = entropy }

    /// `wanted` when it is free, otherwise another; never the same twice.
    mutating func take(_ wanted: Int?) throws -> Int {
        if let wanted, Self.isFree(wanted), taken.insert(wanted).inserted { return wanted }
        for _ in 0..<Self.triesLimit {
            let port = Self.range.lowerBound + Int(entropy.number(below: UInt64(Self.range.count)))
            if !taken.contains(port), Self.isFree(port) {
                taken.insert(port)
                return port
            }
        }
        throw CommandFailure("no free port between \(Self.range.lowerBound) and \(Self.range.upperBound)")
    }

    static func isFree(_ port: Int) -> Bool { fault(port) == nil }

    /// Why no listener could be opened on `port` of the loopback and of every other interface; `nil` when one could.
    static func fault(_ port: Int) -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
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
        return isBound && listen(descriptor, 1) == 0 ? nil : String(cString: strerror(errno))
    }
}
