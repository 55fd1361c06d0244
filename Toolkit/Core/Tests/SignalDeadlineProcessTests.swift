import Testing

@testable import MartletCore

@Suite("Signal, with deadlines by the system's clock")
struct SignalDeadlineProcessTests {
    let signal = Signal()
    let time = SystemTime()
    var future: Moment { time.now + .seconds(3_600) }

    @Test("a wait ends at its deadline, without being raised, and leaves nothing for the next one")
    func passed() async throws {
        for _ in 0..<3 {
            let moment = time.now + .milliseconds(10)
            try await signal.wait(until: moment, time)
            #expect(time.now >= moment)
        }
    }

    @Test("a wait that is raised before its deadline returns, however often it is repeated")
    func raised() async throws {
        for _ in 0..<100 {
            async let waiting: Void = signal.wait(until: future, time)
            signal.raise()
            try await waiting
        }
    }

    @Test("cancellation ends a wait with a deadline")
    func cancelled() async {
        let outcome = await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await signal.wait(until: future, time)) == nil }
            group.cancelAll()
            return await group.next()
        }
        #expect(outcome == true)
    }

    @Test("the end of another wait wakes nothing")
    func other() async throws {
        // Numbers of waits begin at 1.
        signal.end(0)
        signal.end(2)
        let moment = time.now + .milliseconds(10)
        async let waiting: Void = signal.wait(until: moment, time)
        for _ in 0..<100 {
            signal.end(0)
            signal.end(2)
            await Task.yield()
        }
        try await waiting
        #expect(time.now >= moment)
    }
}
