import MartletCore
import Testing

@testable import MartletResilience

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    var stateMachine = CircuitBreaker(failuresLimit: 2, openDuration: .seconds(10))
    let start = Moment(nanoseconds: 0)

    /// Admits a call.
    private mutating func admit(at moment: Moment) throws -> CircuitBreaker.Admission {
        let admission = stateMachine.admit(at: moment)
        return try #require(admission)
    }

    /// Fails as many calls as open the circuit.
    private mutating func open() throws {
        for _ in 1...stateMachine.failuresLimit { stateMachine.failed(try admit(at: start), at: start) }
        #expect(stateMachine.state == .open(until: start + .seconds(10)))
    }

    @Test("opens at the failure limit; one probe passes after the delay; its success closes the circuit")
    mutating func lifecycle() throws {
        stateMachine.failed(try admit(at: start), at: start)
        #expect(stateMachine.state == .closed(failures: 1))

        stateMachine.failed(try admit(at: start), at: start)
        #expect(stateMachine.state == .open(until: start + .seconds(10)))

        let early = stateMachine.admit(at: start + .seconds(9))
        #expect(early == nil)
        let probe = try admit(at: start + .seconds(10))
        let second = stateMachine.admit(at: start + .seconds(10))
        #expect(second == nil)

        stateMachine.succeeded(probe, at: start + .seconds(10))
        #expect(stateMachine.state == .closed(failures: 0))
    }

    @Test("a failed probe reopens the circuit; after an abandoned one the next call is the probe")
    mutating func probes() throws {
        try open()
        let later = start + .seconds(10)
        stateMachine.failed(try admit(at: later), at: later)
        #expect(stateMachine.state == .open(until: later + .seconds(10)))

        stateMachine.abandoned(try admit(at: later + .seconds(10)), at: later + .seconds(10))
        let next = stateMachine.admit(at: later + .seconds(10))
        #expect(next != nil)
    }

    @Test("a success resets the failures; a late success does not close an open circuit")
    mutating func resets() throws {
        stateMachine.failed(try admit(at: start), at: start)
        stateMachine.succeeded(try admit(at: start), at: start)
        stateMachine.failed(try admit(at: start), at: start)
        #expect(stateMachine.state == .closed(failures: 1))
        let late = try admit(at: start)
        stateMachine.failed(try admit(at: start), at: start)
        stateMachine.succeeded(late, at: start)
        #expect(stateMachine.state == .open(until: start + .seconds(10)))
    }

    @Test("probing: only the probe's result counts, results of calls from before the opening are ignored")
    mutating func lateResults() throws {
        let late = [try admit(at: start), try admit(at: start), try admit(at: start)]
        try open()
        let later = start + .seconds(10)
        let probe = try admit(at: later)
        stateMachine.failed(late[0], at: later)
        stateMachine.succeeded(late[1], at: later)
        stateMachine.abandoned(late[2], at: later)
        #expect(stateMachine.state == .probing(until: later + .seconds(10)))

        stateMachine.succeeded(probe, at: later)
        #expect(stateMachine.state == .closed(failures: 0))
        stateMachine.failed(late[0], at: later)
        #expect(stateMachine.state == .closed(failures: 0))
    }

    @Test("a probe without a result for the duration of the opening lets another one pass; any success closes")
    mutating func slowProbe() throws {
        try open()
        let later = start + .seconds(10)
        let slow = try admit(at: later)
        let early = stateMachine.admit(at: later + .seconds(9))
        #expect(early == nil)
        _ = try admit(at: later + .seconds(10))
        stateMachine.succeeded(slow, at: later + .seconds(11))
        #expect(stateMachine.state == .closed(failures: 0))
    }

    @Test("a call with too little time takes no other's probe, and probes when no other does")
    mutating func shortProbes() throws {
        try open()
        let later = start + .seconds(10)
        let short = stateMachine.admit(at: later, isConclusive: false)
        #expect(short == nil)
        let probe = stateMachine.admit(at: later)
        #expect(probe != nil)

        try reopen(at: later + .seconds(10))
        let second = later + .seconds(30)
        let only = stateMachine.admit(at: second, isConclusive: false)
        let next = stateMachine.admit(at: second, isConclusive: false)
        #expect(next == nil)
        stateMachine.abandoned(try #require(only), at: second)
        let afterAbandoned = stateMachine.admit(at: second, isConclusive: false)
        #expect(afterAbandoned == nil)
        // One with enough time need not wait for it.
        let another = stateMachine.admit(at: second)
        stateMachine.succeeded(try #require(another), at: second)
        #expect(stateMachine.state == .closed(failures: 0))
    }

    /// A further probe fails.
    private mutating func reopen(at moment: Moment) throws {
        stateMachine.failed(try admit(at: moment), at: moment)
        #expect(stateMachine.state == .open(until: moment + .seconds(10)))
    }

    @Test("calls without an answer count only while the peer answers none")
    mutating func unanswered() throws {
        let calls = try (1...3).map { _ in try admit(at: start) }
        let other = try admit(at: start)
        stateMachine.succeeded(other, at: start + .seconds(5))
        for call in calls { stateMachine.unanswered(call, for: .seconds(2), at: start + .seconds(6)) }
        #expect(stateMachine.state == .closed(failures: 0))

        for call in calls.prefix(2) { stateMachine.unanswered(call, for: .seconds(2), at: start + .seconds(7)) }
        #expect(stateMachine.state == .open(until: start + .seconds(17)))
    }
}
