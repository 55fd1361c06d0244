import CNATS
import Foundation
import MartletCore
import MartletTelemetry
import Synchronization

/// A connection of libnats: reconnects until it is closed, and sends nothing while it is disconnected.
///
/// The library's threads call the handlers, which must not block.
final class NATSConnection: Sendable {
    typealias Handler = @Sendable (borrowing NATSMessage) -> Void

    /// As the library's callbacks have stated it last.
    enum Status: Sendable {
        case disconnected
        case connected
        /// It will not connect again: servers refused its credentials twice.
        case closed
    }

    /// What the library's callbacks get: kept until the library has made the last one.
    private final class Events: Sendable {
        let status = Mutex(Status.disconnected)
        private let disconnected: @Sendable () -> Void
        private let connected: @Sendable () -> Void

        init(disconnected: @escaping @Sendable () -> Void, connected: @escaping @Sendable () -> Void) {
            self.disconnected = disconnected
            self.connected = connected
        }

        func change(to status: Status) {
            self.status.withLock { $0 = $0 == .closed ? .closed : status }
            if status == .connected { connected() } else { disconnected() }
        }
    }

    private final class Receiver: Sendable {
        let handler: Handler

        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    /// A subscription until it is released: then the library's last callback releases the handler.
    final class Subscription: @unchecked Sendable {
        /// Safe in any thread: the library locks it.
        private let pointer: OpaquePointer

        fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

        /// Ends the interest; what the server has sent already still comes.
        func drain() { natsSubscription_DrainTimeout(pointer, 5_000) }

        deinit { natsSubscription_Destroy(pointer) }
    }

    /// The library locks it.
    private nonisolated(unsafe) let pointer: OpaquePointer
    private let events: Events

    /// Connects, or begins to: a server that is away is tried again until the connection is released.
    ///
    /// Blocks its thread for at most ``NATSSettings/connectTimeout`` for each server.
    ///
    /// - Throws: `Fault` when the settings are refused.
    init(
        _ settings: NATSSettings,
        name: String,
        disconnected: @escaping @Sendable () -> Void,
        connected: @escaping @Sendable () -> Void
    ) throws {
        var options: OpaquePointer?
        try Self.check(natsOptions_Create(&options))
        guard let options else { throw NATSFault.library("no memory") }
        defer { natsOptions_Destroy(options) }
        try Self.apply(settings, name: name, to: options)
        events = Events(disconnected: disconnected, connected: connected)
        let retained = Unmanaged.passRetained(events)
        let closure = retained.toOpaque()
        let up: natsConnectionHandler = { _, closure in
            closure.map { Unmanaged<Events>.fromOpaque($0).takeUnretainedValue() }?.change(to: .connected)
        }
        natsOptions_SetDisconnectedCB(
            options,
            { _, closure in
                closure.map { Unmanaged<Events>.fromOpaque($0).takeUnretainedValue() }?.change(to: .disconnected)
            },
            closure
        )
        natsOptions_SetReconnectedCB(options, up, closure)
        natsOptions_SetClosedCB(
            options,
            { _, closure in closure.map { Unmanaged<Events>.fromOpaque($0).takeRetainedValue() }?.change(to: .closed) },
            closure
        )
        natsOptions_SetRetryOnFailedConnect(options, true, up, closure)
        var connection: OpaquePointer?
        let status = natsConnection_Connect(&connection, options)
        guard let connection, status == NATS_OK || status == NATS_NOT_YET_CONNECTED else {
            retained.release()
            throw NATSFault.library(Self.text(status))
        }
        pointer = connection
        if status == NATS_OK { events.change(to: .connected) }
    }

    deinit { natsConnection_Destroy(pointer) }

    private static func apply(_ settings: NATSSettings, name: String, to options: OpaquePointer) throws {
        let servers = settings.servers.map { strdup($0) }
        defer { for server in servers { free(server) } }
        var pointers = servers.map { UnsafePointer<CChar>($0) }
        try check(natsOptions_SetServers(options, &pointers, Int32(pointers.count)))
        try check(natsOptions_SetName(options, name))
        try check(natsOptions_SetTimeout(options, settings.connectTimeout.milliseconds))
        try check(natsOptions_SetMaxReconnect(options, -1))
        try check(natsOptions_SetReconnectWait(options, 100))
        try check(natsOptions_SetReconnectJitter(options, 100, 100))
        // What is not sent is not replayed later, out of order: its caller gets an error. The smallest size, which the
        // library exceeds by one message.
        try check(natsOptions_SetReconnectBufSize(options, 1))
        try check(natsOptions_SetWriteDeadline(options, settings.connectTimeout.milliseconds))
        try check(natsOptions_SetPingInterval(options, 1_000))
        try check(natsOptions_SetMaxPingsOut(options, 3))
        // One thread for all subscriptions of the process instead of one for each.
        try check(natsOptions_UseGlobalMessageDelivery(options, true))
        // Without a closure: it may come after the connection was closed. Any other error shows where it matters, and what
        // a subscription loses is delivered again.
        let report: natsErrHandler = { _, _, status, _ in
            guard status == NATS_NOT_PERMITTED || status == NATS_CONNECTION_AUTH_FAILED,
                let text = nats_GetLastError(nil)
            else { return }
            NATSRefusals.current.report(String(cString: text))
        }
        try check(natsOptions_SetErrorHandler(options, report, nil))
        switch settings.credentials {
        case .none: break
        case .user(let user, let password): try check(natsOptions_SetUserInfo(options, user, password.exposed))
        case .token(let token): try check(natsOptions_SetToken(options, token.exposed))
        case .file(let path): try check(natsOptions_SetUserCredentialsFromFiles(options, path, nil))
        }
        guard let tls = settings.tls else { return }
        try check(natsOptions_SetSecure(options, true))
        try check(natsOptions_LoadCATrustedCertificates(options, tls.authorities))
        try check(natsOptions_SetExpectedHostname(options, tls.host))
        if let identity = tls.identity {
            try check(natsOptions_LoadCertificatesChain(options, identity.certificates, identity.key))
        }
    }

    // MARK: Messages

    /// Whether the library is connected; it may change at once.
    ///
    /// Asks the callbacks and not the library, whose lock is held during each attempt to connect.
    var status: Status { events.status.withLock { $0 } }

    /// Whether the library has closed it; may block its thread for as long as an attempt to connect takes.
    var isClosed: Bool { natsConnection_IsClosed(pointer) }

    /// - Throws: `Fault` with `unavailable` when it is not connected: a call of the library would block this thread for as
    ///   long as an attempt to connect takes.
    private func requireConnected() throws {
        guard status == .connected else { throw NATSFault.unsent("not connected") }
    }

    /// The longest message that the server accepts, in bytes.
    ///
    /// - Throws: `Fault` with `unavailable` when it is not connected.
    func payloadLimit() throws -> Int {
        try requireConnected()
        return Int(natsConnection_GetMaxPayload(pointer))
    }

    /// Sends a message, or has the library send it at once.
    ///
    /// - Throws: `Fault` with `unavailable` when nothing was sent.
    func publish(_ body: [UInt8], to subject: String, reply: String? = nil) throws {
        try requireConnected()
        let status = body.withUnsafeBytes { bytes -> natsStatus in
            guard let reply else {
                return natsConnection_Publish(pointer, subject, bytes.baseAddress, Int32(bytes.count))
            }
            return natsConnection_PublishRequest(pointer, subject, reply, bytes.baseAddress, Int32(bytes.count))
        }
        try Self.check(status)
    }

    /// Sends a message with headers.
    ///
    /// - Throws: As ``publish(_:to:reply:)``.
    func publish(_ body: [UInt8], to subject: String, reply: String, headers: [(name: String, value: String)]) throws {
        try requireConnected()
        var message: OpaquePointer?
        let made = body.withUnsafeBytes { bytes in
            natsMsg_Create(
                &message,
                subject,
                reply,
                bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                Int32(bytes.count)
            )
        }
        try Self.check(made)
        defer { natsMsg_Destroy(message) }
        for header in headers { try Self.check(natsMsgHeader_Set(message, header.name, header.value)) }
        try Self.check(natsConnection_PublishMsg(pointer, message))
    }

    /// Calls `handler` for each message on a subject, one at a time, until the subscription is released.
    func subscribe(_ subject: String, _ handler: @escaping Handler) throws -> Subscription {
        let receiver = Unmanaged.passRetained(Receiver(handler))
        var subscription: OpaquePointer?
        let status = natsConnection_Subscribe(
            &subscription,
            pointer,
            subject,
            { _, _, message, closure in
                guard let message, let closure else { return }
                let receiver = Unmanaged<Receiver>.fromOpaque(closure).takeUnretainedValue()
                receiver.handler(NATSMessage(owning: message))
            },
            receiver.toOpaque()
        )
        guard status == NATS_OK, let subscription else {
            receiver.release()
            throw NATSFault.unsent(Self.text(status))
        }
        natsSubscription_SetPendingLimits(subscription, -1, -1)
        natsSubscription_SetOnCompleteCB(
            subscription,
            { closure in closure.map { Unmanaged<Receiver>.fromOpaque($0).release() } },
            receiver.toOpaque()
        )
        return Subscription(subscription)
    }

    private static func check(_ status: natsStatus) throws {
        guard status != NATS_OK else { return }
        throw NATSFault.unsent(text(status))
    }

    private static func text(_ status: natsStatus) -> String { String(cString: natsStatus_GetText(status)) }
}
