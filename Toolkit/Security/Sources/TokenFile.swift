public import MartletCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The token of a service for its calls to one other, reread from its file at an interval.
public final class TokenFile: Sendable {
    private struct State {
        var token: String?
        var readAt: Moment?
    }

    private let path: String
    private let interval: Duration
    private let time: any TimeSource
    private let state = Mutex(State())

    /// - Parameters:
    ///   - path: The file with the token.
    ///   - interval: The maximum age of the cached token.
    ///   - time: The clock for `interval`.
    public init(path: String, every interval: Duration, time: any TimeSource) {
        self.path = path
        self.interval = interval
        self.time = time
    }

    /// The token; the last valid one when the file is missing.
    ///
    /// - Throws: `Fault` with `unauthenticated` when there was none yet.
    public func token() throws -> String {
        try state.withLock { state in
            let now = time.now
            if let readAt = state.readAt, now < readAt + interval, let token = state.token { return token }
            state.readAt = now
            do {
                if let text = try SecretFile.read(path) {
                    let token = text.filter { !$0.isWhitespace }
                    if !token.isEmpty { state.token = token }
                }
            } catch {
                if state.token == nil {
                    throw Fault(.unauthenticated, .unauthenticated, "the service has no token", cause: error)
                }
            }
            guard let token = state.token else {
                throw Fault(
                    .unauthenticated,
                    .unauthenticated,
                    "the service has no token",
                    cause: SecretFile.Unreadable(path: path, message: "there is no such file")
                )
            }
            return token
        }
    }
}
