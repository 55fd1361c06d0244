import Dispatch
import MartletContract
import MartletCore
import MartletRPC
import MartletTesting
import Synchronization
import Testing

@Suite("Verification of a call's token", .timeLimit(.minutes(HangLimit.testMinutes)))
struct TokenVerificationSocketTests {
    let gate = VerificationGate()

    /// A connection whose calls with an idempotency key have that as their token.
    private func connect(_ fixture: RPCFixture) -> RPCConnection {
        RPCConnection(
            host: "127.0.0.1",
            port: fixture.port,
            limits: RPCFixture.clientLimits,
            runtime: .system,
            authorization: { context in context.idempotencyKey.map { "Bearer \($0)" } }
        )
    }

    private func guarded(_ token: String?, on connection: RPCConnection) async -> FaultCode? {
        do {
            let _: Text = try await connection.unary(
                TextMethods.guarded,
                Text("a"),
                context: CallContext(idempotencyKey: token)
            )
            return nil
        } catch { return Fault(describing: error).code }
    }

    @Test("delays no other call of its connection, and decides about its own")
    func apart() async throws {
        let codes = try await RPCFixture.with(authenticate: gate.authenticate) { fixture in
            let connection = connect(fixture)
            async let good = guarded("good", on: connection)
            async let bad = guarded("bad", on: connection)
            await gate.waitUntilVerifying()
            let answer: Text = try await connection.unary(TextMethods.echo, Text("b"), context: CallContext())
            #expect(answer.value == "b")
            gate.open(for: 2)
            let codes = await [good, bad]
            await connection.close()
            return codes
        }
        #expect(codes == [nil, .unauthenticated])
    }

    @Test("beyond the limit of a connection a call is refused as an overload, and calls with known callers are not")
    func limit() async throws {
        var limits = RPCFixture.limits
        limits.verificationsMax = 1
        let codes = try await RPCFixture.with(limits: limits, authenticate: gate.authenticate) { fixture in
            let connection = connect(fixture)
            async let first = guarded("good", on: connection)
            await gate.waitUntilVerifying()
            var codes = [await guarded("good", on: connection), await guarded("known", on: connection)]
            gate.open(for: 2)
            codes.append(await first)
            codes.append(await guarded("good", on: connection))
            await connection.close()
            return codes
        }
        #expect(codes == [.resourceExhausted, nil, nil, nil])
    }
}

/// Verifies tokens when the test lets it.
final class VerificationGate: Sendable {
    private let opened = DispatchSemaphore(value: 0)
    private let verifying = OneShotSignal()

    var authenticate: RPCServer.Authenticate {
        { [self] headers, _ in
            let user = Principal(user: "u1", scopes: ["texts:read"])
            switch headers.bearerToken {
            case nil: return .anonymous
            case "known": return .known(user)
            case let token:
                return .unverified { [self] in
                    verifying.fire()
                    opened.wait()
                    guard token == "good" else { throw Fault(.unauthenticated, .unauthenticated, "not valid") }
                    return user
                }
            }
        }
    }

    func waitUntilVerifying() async { await verifying.wait() }

    /// Lets so many verifications end.
    func open(for count: Int) { for _ in 0..<count { opened.signal() } }
}
