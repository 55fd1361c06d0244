import Logging
import Synchronization

/// What servers have refused this process for a reason that an operator must remove: each is logged once.
///
/// A server answers nothing to a user who may not do what it asks for: a member that may not receive looks like one without
/// events.
final class NATSRefusals: Sendable {
    /// Those of all connections: the library's callback for errors may come after the last one of its connection.
    static let current = NATSRefusals()

    /// After so many texts all are forgotten, and logged again.
    private static let limit = 100

    private let known = Mutex<Set<String>>([])

    var texts: Set<String> { known.withLock { $0 } }

    /// - Parameter text: The server's, which names a subject and no content.
    func report(_ text: String) {
        let isNew = known.withLock { known in
            if known.count >= Self.limit { known = [] }
            return known.insert(text).inserted
        }
        guard isNew else { return }
        Logger.current.error("a server of NATS refuses this service", metadata: ["error": "\(text)"])
    }
}
