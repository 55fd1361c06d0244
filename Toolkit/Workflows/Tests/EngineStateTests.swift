import MartletCore
import Testing

@testable import MartletWorkflows

@Suite("Engine state")
struct EngineStateTests {
    var state = EngineState(.slots(2))
    let now = Moment(nanoseconds: 0)

    private static func run(_ id: String) -> ClaimedRun {
        ClaimedRun(
            id: id,
            workflow: "w",
            version: 1,
            input: "",
            party: .itself,
            trace: nil,
            owner: "o",
            fencingToken: 1,
            attempts: Attempts(),
            isForced: false,
            journal: [],
            date: Timestamp(seconds: 0)
        )
    }

    /// True when a poll for due runs is due.
    private mutating func polls() -> Bool { state.beginPoll(at: now) > 0 }

    /// Consumes the polls that are due at the start.
    private mutating func drainPolls() {
        _ = polls()
        state.poll(at: now + .seconds(30))
    }

    @Test("polls again when a run is released, if it was woken while it was held")
    mutating func wokenWhileHeld() {
        drainPolls()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.pollSoon(for: "a")
        #expect(state.held == ["a"])
        let polled1 = polls()
        #expect(polled1)
        state.poll(at: now + .seconds(30))

        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        let polled2 = polls()
        #expect(polled2)
        state.poll(at: now + .seconds(30))
        let polled3 = polls()
        #expect(!polled3)
    }

    @Test("does not poll again when a run is released after another run was woken, or none")
    mutating func wokenOther() {
        drainPolls()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.pollSoon(for: "b")
        state.pollSoon()
        let polled4 = polls()
        #expect(polled4)
        state.poll(at: now + .seconds(30))
        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        let polled5 = polls()
        #expect(!polled5)
    }

    @Test("polls when a run is released that became due while it was held")
    mutating func dueWhileHeld() {
        drainPolls()
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        _ = state.ended(Self.run("a"), at: now, dueAt: now)
        let polled6 = polls()
        #expect(polled6)
    }

    @Test("polls when a run ends that was woken before it began")
    mutating func wokenBeforeBegin() {
        drainPolls()
        state.add(Self.run("a"))
        state.pollSoon(for: "a")
        let polled7 = polls()
        #expect(polled7)
        state.poll(at: now + .seconds(30))
        let begun = state.begin(at: now).map(\.id)
        #expect(begun == ["a"])
        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        let polled8 = polls()
        #expect(polled8)
    }

    @Test("interruptions: the delay doubles up to its maximum; an execution without one resets it")
    mutating func interruptions() {
        drainPolls()
        var delays: [Duration] = []
        for _ in 1...4 {
            state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
            state.interrupted(Self.run("a"), at: now, delay: .seconds(1), longest: .seconds(5))
            _ = state.ended(Self.run("a"), at: now, dueAt: nil)
            let delay = (0...10).first { !state.interrupted(at: now + .seconds($0)).isEmpty }
            delays.append(.seconds(delay ?? 11))
            state.claimable(["a"])
        }
        #expect(delays == [.seconds(1), .seconds(2), .seconds(4), .seconds(5)])

        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.interrupted(Self.run("a"), at: now, delay: .seconds(1), longest: .seconds(5))
        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        #expect(state.interrupted(at: now + .seconds(1)) == ["a"])
    }

    @Test("claims runs on start up to a limit; waiting runs are counted at most once a second")
    mutating func waiting() {
        var limits = WorkflowLimits.slots(2)
        limits.waitingLimit = 3
        state = EngineState(limits)
        state.register(RegisteredWorkflow(Scripted { input, _ in input }))
        state.isAccepting = true
        for id in ["x", "y", "z"] {
            #expect(state.claimsOnStart("scripted@1"))
            state.add(Self.run(id))
        }
        #expect(!state.claimsOnStart("scripted@1"))
        state.addWaiting()
        state.addWaiting()
        #expect(state.waiting == 2)

        #expect(state.isCountDue(at: now))
        state.claimed([Self.run("a")], of: 1, leaving: 7, at: now)
        #expect(state.waiting == 7)
        #expect(!state.isCountDue(at: now))
        #expect(state.isCountDue(at: now + .seconds(1)))
        state.claimed([Self.run("b")], of: 1, leaving: nil, at: now)
        #expect(state.waiting == 6)

        _ = state.ended(Self.run("a"), at: now, dueAt: nil)
        state.claimed([], of: 1, leaving: nil, at: now)
        #expect(state.waiting == 0)
    }

    @Test("claims as many runs on start as there are slots while callees do not respond")
    mutating func stalled() {
        state.register(RegisteredWorkflow(Scripted { input, _ in input }))
        state.isAccepting = true
        state.claimed([Self.run("a")], of: 2, leaving: nil, at: now)
        state.active.set(Self.run("a"), isStalled: true)
        for id in ["x", "y"] {
            #expect(state.claimsOnStart("scripted@1"))
            state.add(Self.run(id))
        }
        #expect(!state.claimsOnStart("scripted@1"))
        state.active.set(Self.run("a"), isStalled: false)
        #expect(state.claimsOnStart("scripted@1"))
    }

    @Test("runs that were started here and due ones take turns")
    mutating func turns() {
        drainPolls()
        let started = (1...4).map { Self.run("s\($0)") }
        for run in started { state.add(run) }
        for _ in 1...4 { state.addWaiting() }
        // Two slots are free: one for each side.
        let first = state.begin(at: now).map(\.id)
        #expect(first == ["s1"])
        let slots = state.beginPoll(at: now)
        #expect(slots == 1)
        state.claimed([Self.run("d1")], of: 1, leaving: 3, at: now)

        var order: [String] = []
        for id in ["s1", "d1", "s2", "d-s1"] {
            _ = state.ended(Self.run(id), at: now, dueAt: nil)
            let begun = state.begin(at: now).map(\.id)
            order += begun
            guard state.beginPoll(at: now) > 0 else { continue }
            order.append("due")
            state.claimed([Self.run("d-\(id)")], of: 1, leaving: 3, at: now)
        }
        #expect(order == ["due", "s2", "due", "s3"])
    }
}

extension WorkflowLimits {
    static func slots(_ limit: Int) -> WorkflowLimits {
        var limits = WorkflowLimits()
        limits.concurrencyLimit = limit
        return limits
    }
}
