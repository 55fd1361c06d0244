import MartletCore
import MartletTesting
import Testing

@Suite("A signal")
struct SignalTests {
    @Test("keeps news that nobody waits for, once")
    func kept() async throws {
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

    @Test("ends a wait that is cancelled")
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
