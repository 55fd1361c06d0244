import MartletCore
import MartletTesting
import Synchronization
import Testing

@Suite("Instances of a service behind the gateway", .enabled(if: Programs.areBuilt))
struct InstancesTests {
    private static let clients = 8

    @Test(
        "one of three is killed under load: no client sees it, and the others take its calls",
        .timeLimit(.minutes(HangLimit.testMinutes))
    )
    func killed() async throws {
        let service = try await ReplicatedService(["a", "b", "c"])
        let load = Load()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.clients { group.addTask { await load.run(on: service) } }
            do {
                try await load.wait(for: 300)
                #expect(load.instances == ["a", "b", "c"])
                service.end("b")
                load.forgetInstances()
                try await load.wait(for: 900)
                #expect(load.instances.isSuperset(of: ["a", "c"]))
            } catch { Issue.record(error) }
            load.stop()
        }
        await service.close()
        #expect(load.failures == [])
    }
}

/// Clients that send one request after another, and what they see.
private final class Load: Sendable {
    private struct State {
        var answers = 0
        var instances: Set<String> = []
        var failures: [String] = []
        var isStopped = false
    }

    private let state = Mutex(State())

    var instances: Set<String> { state.withLock { $0.instances } }
    var failures: [String] { state.withLock { $0.failures } }

    func stop() { state.withLock { $0.isStopped = true } }
    func forgetInstances() { state.withLock { $0.instances = [] } }

    func run(on service: ReplicatedService) async {
        while !state.withLock({ $0.isStopped }) {
            do {
                let answer = try await service.product()
                state.withLock { state in
                    state.answers += 1
                    if answer.status != 200 { state.failures.append("status \(answer.status)") }
                    if let instance = answer.instance { state.instances.insert(instance) }
                }
            } catch { state.withLock { $0.failures.append("\(error)") } }
        }
    }

    /// Waits until there were so many answers since the load began.
    func wait(for answers: Int) async throws {
        try await Poll.until("\(answers) answers") { state.withLock { $0.answers } >= answers ? true : nil }
    }
}
