import MartletCore
import MartletSecurity
import Synchronization

/// The tokens of the services of a process for their calls to one other service.
final class ServiceTokens: Sendable {
    /// How old a token may be that a supervisor has written anew.
    static let interval = Duration.seconds(5)

    private let files = Mutex<[ExactText: TokenFile]>([:])
    private let callee: String
    private let folder: String
    private let time: any TimeSource

    /// - Parameters:
    ///   - callee: The service that is called.
    ///   - folder: That of this process, with its tokens.
    ///   - time: The clock for rereading the files.
    init(to callee: String, in folder: String, time: any TimeSource) {
        self.callee = callee
        self.folder = folder
        self.time = time
    }

    /// The token of the service that speaks.
    ///
    /// - Throws: `Fault` with `unauthenticated` when it has none for this callee, with `internal` for a principal that is
    ///   no service.
    func token(of speaker: Principal) throws -> String {
        guard speaker.kind == .service else {
            throw Fault(.internal, .internal, "a call to \(callee) does not speak as a service")
        }
        return try file(of: speaker.id).token()
    }

    private func file(of service: ExactText) -> TokenFile {
        files.withLock { files in
            if let known = files[service] { return known }
            let made = TokenFile(
                path: LocalIssuer.tokenPath(of: service.text, to: callee, in: folder),
                every: Self.interval,
                time: time
            )
            files[service] = made
            return made
        }
    }
}
