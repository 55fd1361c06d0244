import Testing

@testable import MartletCore

@Suite("Backoff")
struct BackoffTests {
    let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1))

    @Test("doubles with each failure, up to the maximum")
    func growth() {
        #expect((1...6).map { backoff.nominal(after: $0).milliseconds } == [100, 200, 400, 800, 1_000, 1_000])
        #expect(backoff.nominal(after: .max) == .seconds(1))
        #expect(backoff.nominal(after: 0) == .milliseconds(100))
        #expect(Backoff(initial: .zero, maximum: .seconds(1)).nominal(after: .max) == .zero)
    }

    @Test(
        "jitter: the range of a delay",
        arguments: [
            (Backoff.Jitter.full, Duration.zero, Duration.milliseconds(50)),
            (.equal, .milliseconds(50), .milliseconds(75)), (.fifth, .milliseconds(80), .milliseconds(100)),
        ]
    )
    func jitter(_ jitter: Backoff.Jitter, least: Duration, middle: Duration) {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1), jitter: jitter)
        #expect(backoff.delay(after: 1, fraction: 0) == least)
        #expect(backoff.delay(after: 1, fraction: 0.5) == middle)
        let most = backoff.delay(after: 1, fraction: 1.0.nextDown)
        #expect(most > middle && most < least + (middle - least) * 2 + .nanoseconds(1))
    }

    @Test("grows by the given factor")
    func slowGrowth() {
        let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2), growth: 1.6, jitter: .fifth)
        #expect(backoff.nominal(after: 2) == .milliseconds(80))
        #expect(backoff.delay(after: 1_000_000, fraction: 0) == .milliseconds(1_600))
        #expect(backoff.delay(after: 1_000_000, fraction: 0.5) == .seconds(2))
    }
}
