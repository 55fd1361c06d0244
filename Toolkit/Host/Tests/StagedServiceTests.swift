import Logging
import MartletCore
import MartletTesting
import ServiceLifecycle
import Synchronization
import Testing

@testable import MartletHost

@Suite("A stage of the shutdown", .timeLimit(.minutes(1)))
struct StagedServiceTests {
    let time = ManualTime()

    private func stage(
        beforeStop: @escaping @Sendable () async -> Void = {},
        _ loop: @escaping @Sendable () async throws -> Void
    ) -> StagedService {
        StagedService(
            description: "words consumers",
            loops: [.init("loop", .consumers, loop)],
            time: time,
            limit: .seconds(5),
            beforeStop: beforeStop
        )
    }

    @Test("does not wait longer than its limit for a loop that does not let go")
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

    @Test("waits for a loop that lets go, after what must be done while it runs")
    func letsGo() async throws {
        let said = Mutex<[String]>([])
        let (time, entered) = (time, Gate())
        let stage = stage(beforeStop: { said.withLock { $0.append("before") } }) {
            entered.open()
            do { try await time.sleep(for: .seconds(3_600)) } catch {
                said.withLock { $0.append("let go") }
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
        #expect(said.withLock { $0 } == ["before", "let go"])
    }

    @Test("ends with the error of a loop that fails, without any shutdown")
    func fails() async throws {
        struct Broken: Error {}
        let stage = stage { throw Broken() }
        await #expect(throws: Broken.self) { try await stage.run() }
    }
}
