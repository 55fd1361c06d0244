import Logging
import MartletCore
import MartletTesting
import ServiceLifecycle
import Synchronization
import Testing

@testable import MartletHost

@Suite("Shutdown stage", .timeLimit(.minutes(HangLimit.testMinutes)))
struct StagedServiceTests {
    let time = ManualTime()

    private func stage(
        beforeStop: @escaping @Sendable () async -> Void = {},
        _ loop: @escaping @Sendable () async throws -> Void
    ) -> StagedService {
        StagedService(
            description: "words consumers",
            loops: [.init("loop", .consumers, run: loop)],
            time: time,
            limit: .seconds(5),
            beforeStop: beforeStop
        )
    }

    @Test("waits no longer than its limit for a loop that does not stop")
    func stuck() async throws {
        let (entered, gate) = (Gate(), Gate())
        let stage = stage {
            entered.open()
            await gate.wait()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await stage.run() }
            await entered.wait()
            group.cancelAll()
            await time.waitForSleepers()
            time.advance(by: .seconds(5))
            try await group.next()
        }
        gate.open()
    }

    @Test("runs `beforeStop` while its loops run, then waits for them to stop")
    func stops() async throws {
        let steps = Mutex<[String]>([])
        let (time, entered) = (time, Gate())
        let stage = stage(beforeStop: { steps.withLock { $0.append("before") } }) {
            entered.open()
            do { try await time.sleep(for: .seconds(3_600)) } catch {
                steps.withLock { $0.append("stopped") }
                throw error
            }
        }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: stage)], logger: Logger(label: "test"))
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await group.run() }
            await entered.wait()
            await group.triggerGracefulShutdown()
            try await tasks.next()
        }
        #expect(steps.withLock { $0 } == ["before", "stopped"])
    }

    @Test("ends with the error of a failed loop, without a shutdown")
    func fails() async throws {
        struct Broken: Error {}
        let stage = stage { throw Broken() }
        await #expect(throws: Broken.self) { try await stage.run() }
    }
}
