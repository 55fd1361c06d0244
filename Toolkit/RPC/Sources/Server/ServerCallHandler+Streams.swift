import MartletContract
import MartletCore
import NIOCore

extension ServerCallHandler {
    /// Whether the call is a stream that has begun.
    var streams: Bool { streamCall != nil }

    /// The handler of a stream begins.
    func beginStream(_ method: ServedMethod, _ head: RequestHead) {
        streamCall = (method, head)
        connection.streamBegan()
    }

    /// Ends the stream if its caller is not authenticated any more: its token has ended, or its key was withdrawn.
    func authenticateAgain() {
        guard let (method, head) = streamCall, isRunning else { return }
        do throws(Fault) {
            switch try connection.authenticate(method, head) {
            case .known: break
            case .unverified(let token):
                let done: (Result<Principal, any Error>) -> Void = { [weak self] result in
                    if case .failure = result { self?.interrupt(.notAuthenticatedAnyMore) }
                }
                try connection.verify(token, for: method, done: NIOLoopBound(done, eventLoop: connection.executor.loop))
            }
        } catch {
            // A token that cannot be verified now is verified at the next time.
            if error.code == .unauthenticated { interrupt(.notAuthenticatedAnyMore) }
        }
    }
}
