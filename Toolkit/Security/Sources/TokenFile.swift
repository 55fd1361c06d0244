import Glibc
public import MartletCore
import Synchronization

/// A service's own token, read from its file again when the file may have changed.
public final class TokenFile: Sendable {
    private struct State {
        var token: String?
        var looked: Moment?
    }

    private let path: String
    private let pause: Duration
    private let time: any TimeSource
    private let state = Mutex(State())

    /// - Parameter pause: How old the memory of the file may be.
    public init(path: String, every pause: Duration, time: any TimeSource) {
        self.path = path
        self.pause = pause
        self.time = time
    }

    /// The token; the last good one when the file is gone.
    ///
    /// - Throws: `Fault` with `unauthenticated` when there never was one.
    public func token() throws -> String {
        try state.withLock { state in
            let now = time.now
            if let looked = state.looked, now < looked + pause, let token = state.token { return token }
            state.looked = now
            do {
                if let text = try SecretFile.read(path) {
                    let token = text.filter { !$0.isWhitespace }
                    if !token.isEmpty { state.token = token }
                }
            } catch {
                if state.token == nil {
                    throw Fault(.unauthenticated, .unauthenticated, "the service has no identity", cause: error)
                }
            }
            guard let token = state.token else {
                throw Fault(
                    .unauthenticated,
                    .unauthenticated,
                    "the service has no identity",
                    cause: SecretFile.Unreadable(path: path, message: "there is no such file")
                )
            }
            return token
        }
    }
}
