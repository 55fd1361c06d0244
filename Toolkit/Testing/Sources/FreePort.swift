import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// TCP ports of the loopback interface, for servers of tests.
package enum FreePort {
    /// Below the system's range for ports of clients, one of which could get the port of a server that is started
    /// again.
    ///
    /// Supervisors choose theirs above it.
    private static let range = 15_000..<20_000
    private static let last = Mutex(Int(getpid()) * 37 % range.count)

    /// A port that no program used a moment ago, for a server that cannot choose one itself.
    ///
    /// Another program may take it first: a server that ends because of that is started again with another one.
    ///
    /// - Throws: ``ServerFailure`` when there is none.
    package static func any() throws -> Int {
        for _ in range {
            let port = last.withLock { last in
                last = (last + 1) % range.count
                return range.lowerBound + last
            }
            let socket = try stream()
            defer { close(socket) }
            if isBound(socket, to: UInt16(port)) { return port }
        }
        throw ServerFailure("no free port")
    }

    /// Listens to a free port.
    ///
    /// - Throws: ``ServerFailure`` when there is none.
    package static func listen() throws -> (descriptor: Int32, port: Int) {
        let socket = try stream()
        guard isBound(socket, to: 0), systemListen(socket), let port = port(of: socket) else {
            close(socket)
            throw ServerFailure("no free port")
        }
        return (socket, port)
    }

    /// Connects to a port.
    ///
    /// - Throws: ``ServerFailure`` when no program listens to it.
    package static func connect(_ port: Int) throws -> Int32 {
        let socket = try stream()
        var address = address(UInt16(clamping: port))
        let isConnected = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                systemConnect(socket, address) == 0
            }
        }
        guard isConnected else {
            close(socket)
            throw ServerFailure("no program listens to port \(port)")
        }
        return socket
    }

    private static func isBound(_ socket: Int32, to port: UInt16) -> Bool {
        var address = address(port)
        return withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func port(of socket: Int32) -> Int? {
        var (address, length) = (address(0), socklen_t(MemoryLayout<sockaddr_in>.size))
        let isKnown = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(socket, address, &length) == 0
            }
        }
        return isKnown ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }

    private static func stream() throws -> Int32 {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #elseif canImport(Musl)
            let stream = SOCK_STREAM | SOCK_CLOEXEC
        #else
            let stream = SOCK_STREAM
        #endif
        let socket = socket(AF_INET, stream, 0)
        guard socket >= 0 else { throw ServerFailure("no socket") }
        return socket
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// Outside of the type, whose functions have these names.
private func systemListen(_ socket: Int32) -> Bool { listen(socket, 64) == 0 }

private func systemConnect(_ socket: Int32, _ address: UnsafePointer<sockaddr>) -> Int32 {
    connect(socket, address, socklen_t(MemoryLayout<sockaddr_in>.size))
}
