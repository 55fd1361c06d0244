import MartletCore
import Testing

@testable import MartletWorkflows

@Suite("What an engine holds")
struct EngineStateTests {
    var state = EngineState(concurrencyLimit: 2)
    let now = Moment(nanoseconds: 0)

    private static func run(_ id: String) -> ClaimedRun {
        ClaimedRun(
            id: id,
            workflow: "w",
            version: 1,
            input: "",
            principal: "",
            trace: nil,
            owner: "o",
            fence: 1,
            attempts: Attempts(),
            isForced: false,
            journal: [],
            date: Timestamp(seconds: 0)
        )
    }

    /// True when it is time to look for due runs.
    private mutating func looks() -> Bool { state.takeLook(at: now) > 0 }

    /// Takes the looks that are due at the start.
    private mutating func settle() {
        _ = looks()
        state.look(at: now + .seconds(30))
    }

    @Test("is looked at again when it is let go, if something has happened to it meanwhile")
    mutating func wokenWhileHeld() {
        settle()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.lookSoon(for: "a")
        #expect(state.held == ["a"])
        let looked1 = looks()
        #expect(looked1)
        state.look(at: now + .seconds(30))

        _ = state.ended(Self.run("a"), dueAt: nil)
        let looked2 = looks()
        #expect(looked2)
        state.look(at: now + .seconds(30))
        let looked3 = looks()
        #expect(!looked3)
    }

    @Test("is not looked at again for what happened to another, or to nobody")
    mutating func wokenOther() {
        settle()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.lookSoon(for: "b")
        state.lookSoon()
        let looked4 = looks()
        #expect(looked4)
        state.look(at: now + .seconds(30))
        _ = state.ended(Self.run("a"), dueAt: nil)
        let looked5 = looks()
        #expect(!looked5)
    }

    @Test("is looked at when its time has come while it was held")
    mutating func dueWhileHeld() {
        settle()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        _ = state.ended(Self.run("a"), dueAt: now)
        let looked6 = looks()
        #expect(looked6)
    }

    @Test("is looked at when its birth was overtaken before it began")
    mutating func wokenBirth() {
        settle()
        state.born(Self.run("a"))
        state.lookSoon(for: "a")
        let looked7 = looks()
        #expect(looked7)
        state.look(at: now + .seconds(30))
        let begun = state.begin().map(\.id)
        #expect(begun == ["a"])
        _ = state.ended(Self.run("a"), dueAt: nil)
        let looked8 = looks()
        #expect(looked8)
    }

    @Test("goes on after each interruption in a row a little later, up to a limit, and is believed when it ends well")
    mutating func interruptions() {
        settle()
        var pauses: [Duration] = []
        for _ in 1...4 {
            state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
            state.interrupted(Self.run("a"), at: now, pause: .seconds(1), longest: .seconds(5))
            _ = state.ended(Self.run("a"), dueAt: nil)
            let pause = (0...10).first { !state.interrupted(at: now + .seconds($0)).isEmpty }
            pauses.append(.seconds(pause ?? 11))
            state.claimable(["a"])
        }
        #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(5)])

        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        _ = state.ended(Self.run("a"), dueAt: nil)
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.interrupted(Self.run("a"), at: now, pause: .seconds(1), longest: .seconds(5))
        _ = state.ended(Self.run("a"), dueAt: nil)
        #expect(state.interrupted(at: now + .seconds(1)) == ["a"])
    }

    @Test("is joined by no newborn while others wait, which are counted once a second at most")
    mutating func waiting() {
        state.register(RegisteredWorkflow(Scripted { input, _ in input }))
        state.isAccepting = true
        #expect(state.claimsAtBirth("scripted@1"))
        state.bornToWait()
        state.bornToWait()
        #expect(state.waiting == 2)
        #expect(!state.claimsAtBirth("scripted@1"))

        #expect(state.isCountDue(at: now))
        state.claimed([Self.run("a")], of: 1, leaving: 7, at: now)
        #expect(state.waiting == 7)
        #expect(!state.isCountDue(at: now))
        #expect(state.isCountDue(at: now + .seconds(1)))
        state.claimed([Self.run("b")], of: 1, leaving: nil, at: now)
        #expect(state.waiting == 6)

        _ = state.ended(Self.run("a"), dueAt: nil)
        #expect(!state.claimsAtBirth("scripted@1"))
        state.claimed([], of: 1, leaving: nil, at: now)
        #expect(state.waiting == 0)
        #expect(state.claimsAtBirth("scripted@1"))
    }
}
