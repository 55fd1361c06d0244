import Foundation
import MartletTesting
import Synchronization

/// Forwards TCP connections to a server of the loopback interface, and injects faults between the two.
///
/// Each connection has a thread; all end when this is released. Safe to share between tasks.
package final class FaultProxy: Sendable {
    /// What happens to the bytes of connections, also of open ones.
    package enum Fault: Sendable, Equatable {
        case none
        /// Connections stay open, and nothing arrives, in either direction; new ones are accepted.
        case blackhole
        /// The next bytes from the client that contain this text do not reach the server: both connections are closed.
        case cutBefore(String)
        /// The next bytes from the client that contain this text reach the server, which responds: the response does not
        /// reach the client, and both connections are closed.
        case cutAfter(String)
        /// Open connections are closed, and new ones at once.
        case refuse
    }

    package let port: Int
    private let shared: Shared

    private final class Shared: Sendable {
        let fault = Mutex(Fault.none)
        let isClosed = Mutex(false)
        let connections = Mutex(0)
        let server: Int

        init(server: Int) { self.server = server }

        /// Waits as long as nothing may pass; false when the connection is to be closed.
        func mayPass() -> Bool {
            while !(isClosed.withLock { $0 }) {
                switch fault.withLock({ $0 }) {
                case .none, .cutBefore, .cutAfter: return true
                case .refuse: return false
                case .blackhole: _ = poll(nil, 0, 1)
                }
            }
            return false
        }

        /// Takes the fault that a text triggers, which then is over.
        func take(for bytes: ArraySlice<UInt8>) -> Fault? {
            fault.withLock { fault in
                switch fault {
                case .cutBefore(let text), .cutAfter(let text):
                    guard bytes.firstRange(of: Array(text.utf8)) != nil else { return nil }
                    defer { fault = .none }
                    return fault
                case .none, .blackhole, .refuse: return nil
                }
            }
        }
    }

    /// - Parameter server: The port of the server.
    package init(to server: Int) throws {
        shared = Shared(server: server)
        let listener = try FreePort.listen()
        port = listener.port
        Thread.detachNewThread { [shared] in
            while !(shared.isClosed.withLock { $0 }) {
                guard Self.isReadable(listener.descriptor) else { continue }
                let client = accept(listener.descriptor, nil, nil)
                guard client >= 0 else { continue }
                Thread.detachNewThread { Self.forward(client, shared) }
            }
            close(listener.descriptor)
        }
    }

    deinit { shared.isClosed.withLock { $0 = true } }

    /// Injects a fault, in place of the one before.
    package func inject(_ fault: Fault) { shared.fault.withLock { $0 = fault } }

    /// What is injected now; a cut that has happened is over.
    package var fault: Fault { shared.fault.withLock { $0 } }

    /// Connections that are open now.
    package var connections: Int { shared.connections.withLock { $0 } }

    /// Waits a moment for bytes, so that the fault and the end are noticed.
    private static func isReadable(_ descriptor: Int32) -> Bool {
        var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waited, 1, 5) > 0
    }

    private static func forward(_ client: Int32, _ shared: Shared) {
        shared.connections.withLock { $0 += 1 }
        defer {
            close(client)
            shared.connections.withLock { $0 -= 1 }
        }
        guard let server = try? FreePort.connect(shared.server) else { return }
        defer { close(server) }
        while !(shared.isClosed.withLock { $0 }) {
            guard shared.mayPass() else { return }
            if isReadable(client) {
                // A fault that was injected meanwhile applies to these bytes, too.
                guard let bytes = receive(client), shared.mayPass() else { return }
                let cut = shared.take(for: bytes)
                if case .cutBefore = cut { return }
                send(bytes, to: server)
                if case .cutAfter = cut {
                    // Its response: what was sent has happened.
                    _ = receive(server)
                    return
                }
            }
            if isReadable(server) {
                guard let bytes = receive(server), shared.mayPass() else { return }
                send(bytes, to: client)
            }
        }
    }

    /// `nil` at the end of the connection.
    private static func receive(_ descriptor: Int32) -> ArraySlice<UInt8>? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? bytes[..<count] : nil
    }

    private static func send(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
