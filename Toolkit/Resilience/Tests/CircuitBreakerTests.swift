import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    var machine = CircuitBreaker.Machine(failuresLimit: 2, pause: .seconds(10))
    let start = Moment(nanoseconds: 0)

    /// Lets a call pass.
    private mutating func admit(at moment: Moment) throws -> CircuitBreaker.Machine.Admission {
        let admission = machine.admit(at: moment)
        return try #require(admission)
    }

    /// Lets as many calls fail as open the circuit.
    private mutating func open() throws {
        for _ in 1...machine.failuresLimit { machine.failed(try admit(at: start), at: start) }
        #expect(machine.state == .open(until: start + .seconds(10)))
    }

    @Test("opens at the limit, lets one probe pass after the pause, closes on its success")
    mutating func life() throws {
        machine.failed(try admit(at: start), at: start)
        #expect(machine.state == .closed(failures: 1))

        machine.failed(try admit(at: start), at: start)
        #expect(machine.state == .open(until: start + .seconds(10)))

        let early = machine.admit(at: start + .seconds(9))
        #expect(early == nil)
        let probe = try admit(at: start + .seconds(10))
        let second = machine.admit(at: start + .seconds(10))
        #expect(second == nil)

        machine.succeeded(probe)
        #expect(machine.state == .closed(failures: 0))
    }

    @Test("opens again when its probe fails, and asks the next call when its probe is given up")
    mutating func probes() throws {
        try open()
        let later = start + .seconds(10)
        machine.failed(try admit(at: later), at: later)
        #expect(machine.state == .open(until: later + .seconds(10)))

        machine.abandoned(try admit(at: later + .seconds(10)), at: later + .seconds(10))
        let next = machine.admit(at: later + .seconds(10))
        #expect(next != nil)
    }

    @Test("forgets failures after a success, and ignores a late answer while it is open")
    mutating func forgets() throws {
        machine.failed(try admit(at: start), at: start)
        machine.succeeded(try admit(at: start))
        machine.failed(try admit(at: start), at: start)
        #expect(machine.state == .closed(failures: 1))
        let late = try admit(at: start)
        machine.failed(try admit(at: start), at: start)
        machine.succeeded(late)
        #expect(machine.state == .open(until: start + .seconds(10)))
    }

    @Test("takes only its probe's answer for the probe's, and none of the calls from before it opened")
    mutating func lateAnswers() throws {
        let late = [try admit(at: start), try admit(at: start), try admit(at: start)]
        try open()
        let later = start + .seconds(10)
        let probe = try admit(at: later)
        machine.failed(late[0], at: later)
        machine.succeeded(late[1])
        machine.abandoned(late[2], at: later)
        #expect(machine.state == .probing)

        machine.succeeded(probe)
        #expect(machine.state == .closed(failures: 0))
        machine.failed(late[0], at: later)
        #expect(machine.state == .closed(failures: 0))
    }

    @Test("does not run the body while it is open")
    func refuses() async throws {
        struct Sick: Error {}
        let breaker = CircuitBreaker(failuresLimit: 1, pause: .seconds(10), time: ManualTime())
        await #expect(throws: Sick.self) { try await breaker.run { throw Sick() } }
        #expect(breaker.isOpen)
        await #expect(throws: CircuitOpen(retryAfter: .seconds(10))) {
            try await breaker.run { Issue.record("the body ran") }
        }
    }
}
