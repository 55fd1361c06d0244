import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Call outcome")
struct OutcomeTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    @Test("not made: the call is repeated without a look-up, beyond the limit of unknown outcomes")
    func notMade() async throws {
        let peer = fixture.peer
        let left = Mutex(fixture.limits.unknownLimit + 1)
        let engine = fixture.engine { _, context in
            try await context.remote(
                "one",
                input: "x",
                resolve: { _ in
                    Issue.record("there is nothing to look up")
                    return .unknown
                },
                { call in
                    let isUnavailable = left.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    if isUnavailable { throw Fault.notProcessed("the peer cannot be reached") }
                    return try peer.call(call)
                }
            )
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one"])
    }

    @Test("unauthenticated: no refusal, the call is retried until the token is valid")
    func unauthenticated() async throws {
        let peer = fixture.peer
        let left = Mutex(3)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let isRejected = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if isRejected { throw Fault(.unauthenticated, .unauthenticated, "the token is not valid") }
                return try peer.call(call)
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one"])
    }

    @Test("request too large: refused at the first attempt")
    func tooLong() async throws {
        let count = CountingDatabase.Counter()
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { _ -> String in
                count.add()
                throw Fault(.resourceExhausted, .requestTooLarge, "too long", cause: NotProcessed())
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .requestTooLarge)
        #expect(count.value == 1)
    }
}
