import MartletCore
import NIOPosix
import Synchronization

/// A connection, with what is asked over it and who has joined by it.
final class NATSLink: Sendable {
    /// What ends with the connection.
    struct State {
        var groups: [[ExactText]: NATSGroup] = [:]
        var members: [WeakMember] = []
        /// How often it has connected.
        var connects = 0
        var durability = Durability.unknown
    }

    /// Whether the servers write to the disk before they acknowledge.
    enum Durability {
        /// Not read since the last connect, or not of enough servers.
        case unknown
        /// Most do, and none was read that does not. The others are away.
        case most
        case all
    }

    /// A member that its user may drop without leaving: then its membership ends.
    struct WeakMember {
        weak var member: NATSMember?
    }

    /// The state, which the library's threads change, too.
    final class Shared: Sendable {
        let state = Mutex(State())

        func connected() {
            state.withLock { state in
                state.connects += 1
                state.durability = .unknown
            }
        }

        func disconnected() { for member in members { member.disconnected() } }

        var members: [NATSMember] { state.withLock { $0.members.compactMap(\.member) } }
    }

    let connection: NATSConnection
    let calls: NATSCalls
    /// The beginning of the subjects of the service's answers.
    let inbox: String
    let shared: Shared
    /// Receives the answers; `nil` for a connection that was closed at once.
    private let subscription: NATSConnection.Subscription?

    /// Connects, or begins to: servers that are away are tried again.
    static func open(_ settings: NATSSettings, service: String, _ runtime: Runtime) async throws -> NATSLink {
        let inbox = NATSNames.inbox(of: service)
        let calls = NATSCalls(inbox: "\(inbox).\(runtime.identifier())")
        let shared = Shared()
        // Connecting blocks its thread.
        return try await NIOThreadPool.singleton.runIfActive {
            let connection = try NATSConnection(
                settings,
                name: service,
                disconnected: {
                    calls.endAll()
                    shared.disconnected()
                },
                connected: {
                    // What failed before is no failure of the server of this connection.
                    calls.noteServed(true, at: runtime.time.now)
                    shared.connected()
                }
            )
            return try NATSLink(connection, calls: calls, inbox: inbox, shared: shared)
        }
    }

    private init(_ connection: NATSConnection, calls: NATSCalls, inbox: String, shared: Shared) throws {
        self.connection = connection
        self.calls = calls
        self.inbox = inbox
        self.shared = shared
        do {
            subscription = try connection.subscribe("\(calls.inbox).*.*") { calls.take($0) }
        } catch {
            // The servers have refused it twice already, as when it begins: it is replaced as one that is closed later.
            guard connection.isClosed else { throw error }
            subscription = nil
        }
    }
}
