import MartletCore
import Testing

@testable import MartletResilience

@Suite("Retry rule")
struct RetryTests {
    let rule = RetryRule(attemptsLimit: 3, base: .milliseconds(100), cap: .seconds(1))
    let unavailable = Fault(.unavailable, .unavailable, "away")

    func delay(
        _ attempt: Int = 1,
        _ fault: Fault,
        repeatable: Bool = true,
        fraction: Double = 0.5,
        left: Duration? = nil
    ) -> Duration? {
        rule.delay(after: attempt, fault, isRepeatable: repeatable, fraction: fraction, left: left)
    }

    @Test("delay: a fraction of a doubling base, up to the limit of attempts")
    func backoff() {
        #expect(delay(1, unavailable) == .milliseconds(50))
        #expect(delay(2, unavailable) == .milliseconds(100))
        #expect(delay(3, unavailable) == nil)
    }

    @Test("retryAfter is the minimum delay; no retry if it exceeds the cap")
    func retryAfter() {
        var fault = unavailable
        fault.retryAfter = .milliseconds(300)
        #expect(delay(1, fault) == .milliseconds(300))
        fault.retryAfter = .seconds(2)
        #expect(delay(1, fault) == nil)
    }

    @Test("no retry after the deadline")
    func deadline() {
        #expect(delay(1, unavailable, left: .milliseconds(50)) == nil)
        #expect(delay(1, unavailable, left: .milliseconds(51)) == .milliseconds(50))
    }

    @Test("retries only repeatable calls, and only if nothing happened or the peer was unavailable")
    func retryable() {
        #expect(delay(1, unavailable, repeatable: false) == nil)
        #expect(delay(1, .notProcessed("gone"), repeatable: false) != nil)
        let retried = FaultCode.allCases.filter { delay(1, Fault($0, .internal, "")) != nil }
        #expect(retried == [.resourceExhausted, .aborted, .unavailable])
        #expect(delay(1, CircuitOpen(retryAfter: .zero).fault) == nil)
        #expect(delay(1, BulkheadFull().fault) == nil)
    }

    @Test("budget: calls add tokens, retries take them")
    func budget() {
        var budget = RetryBudget.StateMachine(capacity: 2, deposit: 0.5)
        let burst = ["a", "b", "c"].map { budget.takeRetry(for: $0) }
        #expect(burst == [true, true, false])
        for _ in 1...2 { budget.called(by: "a") }
        let paid = (1...2).map { _ in budget.takeRetry(for: "a") }
        #expect(paid == [true, false])
        for _ in 1...100 { budget.called(by: "a") }
        #expect(budget.tokens == 2)
    }

    @Test("budget: one caller takes at most a quarter of it beyond what its own calls add")
    func callers() {
        var budget = RetryBudget.StateMachine(capacity: 20, deposit: 0.2)
        // Anonymous callers are one.
        let burst = (1...100).count { _ in budget.takeRetry(for: "") }
        #expect(burst == 5)
        let paid = (1...100).count { _ in
            budget.called(by: "")
            return budget.takeRetry(for: "")
        }
        #expect((19...20).contains(paid))
        let other = (1...5).allSatisfy { _ in budget.takeRetry(for: "ann") }
        #expect(other)
    }
}
