import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Health during a start", .timeLimit(.minutes(HangLimit.testMinutes)))
struct StartingListenerTests {
    /// Notes when it runs; ends when it is cancelled.
    private final class Listener: HTTPServer {
        let runs = Mutex(0)
        let isRunning = Mutex(false)
        let fails: Bool

        init(fails: Bool = false) { self.fails = fails }

        func boundPort() async throws -> Int { 0 }

        func run() async throws {
            runs.withLock { $0 += 1 }
            guard !fails else { throw ListenerFailed() }
            isRunning.withLock { $0 = true }
            defer { isRunning.withLock { $0 = false } }
            let (ended, _) = AsyncStream<Void>.makeStream()
            for await _ in ended {}
        }
    }

    private struct ListenerFailed: Error {}
    private struct Broken: Error {}

    let time = ManualTime()

    @Test("a short start opens no listener")
    func short() async throws {
        let listener = Listener()
        let result = try await StartingListener(listener, time: time).whileRunning { 7 }
        #expect(result == 7)
        #expect(listener.runs.withLock { $0 } == 0)
    }

    @Test("a long start: the listener runs, and has ended when the start is complete")
    func long() async throws {
        let (listener, time) = (Listener(), time)
        let result = try await StartingListener(listener, time: time).whileRunning {
            await time.waitForSleepers()
            time.advance(by: StartingListener.patience)
            while !listener.isRunning.withLock({ $0 }) { await Task.yield() }
            return 7
        }
        #expect(result == 7)
        #expect(listener.runs.withLock { $0 } == 1)
        #expect(!listener.isRunning.withLock { $0 })
    }

    @Test("a listener that fails does not end the start; a start that fails ends the listener")
    func failures() async throws {
        let (broken, time) = (Listener(fails: true), time)
        let result = try await StartingListener(broken, time: time).whileRunning {
            await time.waitForSleepers()
            time.advance(by: StartingListener.patience)
            while broken.runs.withLock({ $0 }) == 0 { await Task.yield() }
            return 7
        }
        #expect(result == 7)
        let listener = Listener()
        await #expect(throws: Broken.self) {
            try await StartingListener(listener, time: time).whileRunning { () -> Int in
                await time.waitForSleepers()
                time.advance(by: StartingListener.patience)
                while !listener.isRunning.withLock({ $0 }) { await Task.yield() }
                throw Broken()
            }
        }
        #expect(!listener.isRunning.withLock { $0 })
    }
}
