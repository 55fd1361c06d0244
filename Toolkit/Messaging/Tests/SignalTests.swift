import MartletCore
import MartletTesting
import Testing

@Suite("Signal")
struct SignalTests {
    @Test("raised without a waiter: the next wait returns immediately, once")
    func pending() async throws {
        let signal = Signal()
        let time = ManualTime()
        signal.raise()
        signal.raise()
        try await signal.wait()
        async let waiting: Void = signal.wait(until: time.now + .seconds(1), time)
        await time.waitForSleepers()
        time.advance(by: .seconds(1))
        try await waiting
    }

    @Test("cancellation ends a wait")
    func cancelled() async {
        let signal = Signal()
        let outcome = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await signal.wait()) == nil }
            group.cancelAll()
            return await group.next()
        }
        #expect(outcome == true)
    }
}
