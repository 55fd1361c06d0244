import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("The outcome of a call")
struct OutcomeTests {
    let world: World

    init() async throws { world = try await World() }

    @Test("that was never made is not unknown: it is made again, and nothing is looked up")
    func notMade() async throws {
        let peer = world.peer
        let left = Mutex(world.limits.unknownLimit + 1)
        let engine = world.engine { _, context in
            try await context.remote(
                "one",
                input: "x",
                resolve: { _ in
                    Issue.record("there is nothing to look up")
                    return .unknown
                },
                { call in
                    let isAway = left.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    if isAway { throw Fault.notProcessed("the peer cannot be reached") }
                    return try peer.call(call)
                }
            )
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one"])
    }

    @Test("by somebody who was not let in is no refusal: the call is made again when the token is good")
    func notLetIn() async throws {
        let peer = world.peer
        let left = Mutex(3)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let isUnknown = left.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if isUnknown { throw Fault(.unauthenticated, .unauthenticated, "the token is not valid") }
                return try peer.call(call)
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one"])
    }

    @Test("that is too long to be sent is a refusal at once")
    func tooLong() async throws {
        let count = CountingDatabase.Counter()
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { _ -> String in
                count.add()
                throw Fault(.resourceExhausted, .requestTooLarge, "too long", cause: NotProcessed())
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .requestTooLarge)
        #expect(count.value == 1)
    }
}
