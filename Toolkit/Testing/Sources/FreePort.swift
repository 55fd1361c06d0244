#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// TCP ports of the loopback interface, for servers of tests.
package enum FreePort {
    /// A port that no program used a moment ago, for a server that cannot choose one itself.
    ///
    /// Another program may take it first: a server that ends because of that is started again with another one.
    ///
    /// - Throws: ``ServerFailure`` when there is none.
    package static func any() throws -> Int {
        let (descriptor, port) = try listen()
        close(descriptor)
        return port
    }

    /// Listens to a free port.
    ///
    /// - Throws: ``ServerFailure`` when there is none.
    package static func listen() throws -> (descriptor: Int32, port: Int) {
        let socket = try stream()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var address = address(0)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0
            }
        }
        guard isBound, systemListen(socket) else {
            close(socket)
            throw ServerFailure("no free port")
        }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
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

    private static func stream() throws -> Int32 {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
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
