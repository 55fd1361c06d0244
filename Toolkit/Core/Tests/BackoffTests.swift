import Testing

@testable import MartletCore

@Suite("A pause after failures")
struct BackoffTests {
    let backoff = Backoff(least: .milliseconds(100), most: .seconds(1))

    @Test("doubles with each failure up to its limit")
    func growth() {
        #expect((1...6).map { backoff.whole(after: $0).milliseconds } == [100, 200, 400, 800, 1_000, 1_000])
        #expect(backoff.whole(after: .max) == .seconds(1))
        #expect(backoff.whole(after: 0) == .milliseconds(100))
        #expect(Backoff(least: .zero, most: .seconds(1)).whole(after: .max) == .zero)
    }

    @Test(
        "leaves its own part to chance",
        arguments: [
            (Backoff.Jitter.full, Duration.zero, Duration.milliseconds(50)),
            (.equal, .milliseconds(50), .milliseconds(75)), (.fifth, .milliseconds(80), .milliseconds(100)),
        ]
    )
    func jitter(_ jitter: Backoff.Jitter, least: Duration, middle: Duration) {
        let backoff = Backoff(least: .milliseconds(100), most: .seconds(1), jitter: jitter)
        #expect(backoff.pause(after: 1, fraction: 0) == least)
        #expect(backoff.pause(after: 1, fraction: 0.5) == middle)
        let most = backoff.pause(after: 1, fraction: 1.0.nextDown)
        #expect(most > middle && most < least + (middle - least) * 2 + .nanoseconds(1))
    }

    @Test("grows as fast as it is told")
    func slowGrowth() {
        let backoff = Backoff(least: .milliseconds(50), most: .seconds(2), growth: 1.6, jitter: .fifth)
        #expect(backoff.whole(after: 2) == .milliseconds(80))
        #expect(backoff.pause(after: 1_000_000, fraction: 0) == .milliseconds(1_600))
        #expect(backoff.pause(after: 1_000_000, fraction: 0.5) == .seconds(2))
    }
}
