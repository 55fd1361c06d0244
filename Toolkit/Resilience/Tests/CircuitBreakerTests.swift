import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    var machine = CircuitBreaker.Machine(failuresLimit: 2, pause: .seconds(10))
    let start = Moment(nanoseconds: 0)

    @Test("opens at the limit, lets one probe pass after the pause, closes on its success")
    mutating func life() {
        machine.failed(at: start)
        #expect(machine.state == .closed(failures: 1))

        machine.failed(at: start)
        #expect(machine.state == .open(until: start + .seconds(10)))

        let early = machine.admit(at: start + .seconds(9))
        let probe = machine.admit(at: start + .seconds(10))
        let second = machine.admit(at: start + .seconds(10))
        #expect([early, probe, second] == [false, true, false])

        machine.succeeded()
        #expect(machine.state == .closed(failures: 0))
    }

    @Test("opens again when its probe fails, and asks the next call when its probe is given up")
    mutating func probes() {
        for _ in 1...2 { machine.failed(at: start) }
        let later = start + .seconds(10)
        _ = machine.admit(at: later)
        machine.failed(at: later)
        #expect(machine.state == .open(until: later + .seconds(10)))

        _ = machine.admit(at: later + .seconds(10))
        machine.abandoned(at: later + .seconds(10))
        let next = machine.admit(at: later + .seconds(10))
        #expect(next)
    }

    @Test("forgets failures after a success, and ignores a late answer while it is open")
    mutating func forgets() {
        machine.failed(at: start)
        machine.succeeded()
        machine.failed(at: start)
        #expect(machine.state == .closed(failures: 1))
        machine.failed(at: start)
        machine.succeeded()
        #expect(machine.state == .open(until: start + .seconds(10)))
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
