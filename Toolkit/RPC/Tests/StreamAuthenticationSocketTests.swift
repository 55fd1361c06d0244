import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Authentication of an open stream", .timeLimit(.minutes(HangLimit.testMinutes)))
struct StreamAuthenticationSocketTests {
    /// What a server knows of the tokens of its callers, which the test changes.
    private final class Tokens: Sendable {
        private let withdrawn = Mutex<Set<String>>([])
        let time = ManualTime()
        let end: Timestamp
        /// Whether a token is verified on a thread.
        let isSlow: Bool

        init(isSlow: Bool) {
            self.isSlow = isSlow
            end = time.date + .seconds(60)
        }

        func withdraw(_ token: String) { _ = withdrawn.withLock { $0.insert(token) } }

        func authenticate(_ headers: CallHeaders) throws -> CallAuthentication {
            guard let token = headers.bearerToken else { return .anonymous }
            let user = Principal(user: ExactText(token), scopes: [])
            let verify: @Sendable () throws -> Principal = { [self] in
                guard time.date < end, !withdrawn.withLock({ $0.contains(token) }) else {
                    throw Fault(.unauthenticated, .unauthenticated, "the token is not valid")
                }
                return user
            }
            return isSlow ? .unverified(verify) : .known(try verify())
        }
    }

    private static let watch = MethodDescriptor(
        service: "grpc.health.v1.Health",
        name: "Watch",
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: [],
        http: []
    )

    /// The stream of a caller that has received its first message.
    private func open(_ connection: RPCConnection) async throws -> ResponseStream<Text> {
        let stream: ResponseStream<Text> = try await connection.serverStream(
            Self.watch,
            Text(TextMethods.service),
            context: CallContext()
        )
        _ = try await stream.pull()
        return stream
    }

    private func fault(of stream: ResponseStream<Text>) async -> Fault? {
        do {
            _ = try await stream.pull()
            return nil
        } catch { return Fault(describing: error) }
    }

    @Test("a withdrawn key ends the streams of its tokens, to be called again, and no other", arguments: [false, true])
    func withdrawn(isSlow: Bool) async throws {
        let tokens = Tokens(isSlow: isSlow)
        try await RPCFixture.with(authenticate: { headers, _ in try tokens.authenticate(headers) }) { fixture in
            let connections = ["ann", "ben"].map { RPCFixture.connect(to: fixture.port, token: $0) }
            let streams = [
                try await open(connections[0]), try await open(connections[1]), try await open(fixture.connection),
            ]
            tokens.withdraw("ann")
            let ended = await fault(of: streams[0])
            #expect(ended?.code == .unavailable)
            fixture.server.health.set(TextMethods.service, serving: false)
            for stream in streams.dropFirst() {
                let next = try await stream.pull()
                #expect(next?.unknownFields.data.last == 2)
            }
            for connection in connections { await connection.close() }
        }
    }

    @Test("a stream ends when its token does", arguments: [false, true])
    func expired(isSlow: Bool) async throws {
        let tokens = Tokens(isSlow: isSlow)
        try await RPCFixture.with(
            token: "ann",
            authenticate: { headers, _ in try tokens.authenticate(headers) }
        ) { fixture in
            let stream = try await open(fixture.connection)
            tokens.time.advance(by: .seconds(59))
            let again = try await open(fixture.connection)
            tokens.time.advance(by: .seconds(1))
            for stream in [stream, again] {
                let ended = await fault(of: stream)
                #expect(ended?.code == .unavailable)
            }
        }
    }

    @Test("a caller is authenticated again well within a second")
    func interval() {
        #expect(RPCServerLimits().streamAuthentication <= .milliseconds(500))
    }
}
