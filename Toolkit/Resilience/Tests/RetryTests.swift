import MartletCore
import Testing

@testable import MartletResilience

@Suite("A retry")
struct RetryTests {
    let rule = RetryRule(attemptsLimit: 3, base: .milliseconds(100), cap: .seconds(1))
    let away = Fault(.unavailable, .unavailable, "away")

    func pause(
        _ attempt: Int = 1,
        _ fault: Fault,
        repeatable: Bool = true,
        fraction: Double = 0.5,
        left: Duration? = nil
    ) -> Duration? {
        rule.pause(after: attempt, fault, isRepeatable: repeatable, fraction: fraction, left: left)
    }

    @Test("waits a part of a doubling pause, up to the limit of attempts")
    func backoff() {
        #expect(pause(1, away) == .milliseconds(50))
        #expect(pause(2, away) == .milliseconds(100))
        #expect(pause(3, away) == nil)
    }

    @Test("waits at least as long as it is told, and not at all when that is too long")
    func told() {
        var fault = away
        fault.retryAfter = .milliseconds(300)
        #expect(pause(1, fault) == .milliseconds(300))
        fault.retryAfter = .seconds(2)
        #expect(pause(1, fault) == nil)
    }

    @Test("does not outlive the deadline")
    func deadline() {
        #expect(pause(1, away, left: .milliseconds(50)) == nil)
        #expect(pause(1, away, left: .milliseconds(51)) == .milliseconds(50))
    }

    @Test("is only for what may be repeated, and only when nothing happened or the peer was away")
    func onlyThen() {
        #expect(pause(1, away, repeatable: false) == nil)
        #expect(pause(1, .notProcessed("gone"), repeatable: false) != nil)
        let retried = FaultCode.allCases.filter { pause(1, Fault($0, .internal, "")) != nil }
        #expect(retried == [.resourceExhausted, .aborted, .unavailable])
        #expect(pause(1, CircuitOpen(retryAfter: .zero).fault) == nil)
        #expect(pause(1, BulkheadFull().fault) == nil)
    }

    @Test("is paid from a budget that calls fill")
    func budget() {
        var budget = RetryBudget.Machine(capacity: 2, deposit: 0.5)
        let burst = (1...3).map { _ in budget.takeRetry() }
        #expect(burst == [true, true, false])
        for _ in 1...2 { budget.called() }
        let paid = (1...2).map { _ in budget.takeRetry() }
        #expect(paid == [true, false])
        for _ in 1...100 { budget.called() }
        #expect(budget.tokens == 2)
    }
}
