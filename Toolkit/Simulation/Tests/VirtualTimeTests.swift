import MartletCore
import MartletSimulation
import Synchronization
import Testing

@Suite("Virtual time and paused machines")
struct VirtualTimeTests {
    @Test("a skip wakes no task; sleeps that became due end afterwards in the order of their deadlines")
    func skip() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let (begin, date) = (time.now, time.date)
        let wakeUps = Shared<[WakeUp]>([])
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                for seconds in [3, 1, 90, 2] {
                    group.addTask {
                        try? await time.sleep(for: .seconds(seconds))
                        wakeUps.value.withLock { $0.append(WakeUp(wanted: seconds, after: time.now - begin)) }
                    }
                }
                group.addTask {
                    while time.sleeping < 4 { await Task.yield() }
                    time.skip(by: .seconds(60))
                    #expect(wakeUps.value.withLock { $0.isEmpty })
                    #expect(time.now - begin == .seconds(60))
                    #expect(time.date - date == .seconds(60))
                }
            }
        }
        let found = wakeUps.value.withLock { $0 }
        // Sleeps that became due end at the time after the skip; the last one ends at its own deadline.
        #expect(Set(found.prefix(3).map(\.wanted)) == [1, 2, 3])
        #expect(found.map(\.after) == [.seconds(60), .seconds(60), .seconds(60), .seconds(90)])
        #expect(time.date - date == .seconds(90))
    }

    @Test("a skip of zero changes no clock")
    func emptySkip() {
        let time = VirtualTime()
        let (now, date) = (time.now, time.date)
        time.skip(by: .zero)
        #expect(time.now == now)
        #expect(time.date == date)
    }

    @Test("a machine that is not paused is not waited for")
    func running() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let begin = time.now
        try simulation.run { await Machine("awake", in: simulation).waitUntilResumed() }
        #expect(time.now == begin)
    }

    @Test("a paused machine is waited for until it resumes or crashes", arguments: [true, false])
    func paused(_ crashes: Bool) throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let begin = time.now
        let waited = Shared<Duration?>(nil)
        try simulation.run {
            let machine = Machine("frozen", in: simulation)
            machine.pause()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await machine.waitUntilResumed()
                    waited.value.withLock { $0 = time.now - begin }
                }
                group.addTask {
                    try? await time.sleep(for: .seconds(7))
                    #expect(waited.value.withLock { $0 } == nil)
                    if crashes { machine.crash() } else { machine.resume() }
                }
            }
        }
        #expect(waited.value.withLock { $0 } == .seconds(7))
    }

    @Test(
        "a task on a machine is cancelled at its deadline, and while the machine is paused only when it resumes",
        arguments: [0, 9]
    )
    func deadline(_ pausedUntil: Int64) throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let begin = time.now
        let ended = Shared<Duration?>(nil)
        try simulation.run {
            let machine = Machine("limited", in: simulation)
            machine.spawn {
                await #expect(throws: Fault.self) {
                    try await withDeadline(machine.time.now + .seconds(3), machine.time) {
                        try await machine.time.sleep(for: .seconds(3_600))
                    }
                }
                ended.value.withLock { $0 = time.now - begin }
            }
            try await time.sleep(for: .seconds(1))
            if pausedUntil > 0 { machine.pause() }
            try await time.sleep(for: .seconds(8))
            machine.resume()
            try await time.sleep(for: .seconds(1))
        }
        #expect(ended.value.withLock { $0 } == .seconds(max(3, pausedUntil)))
        // Nothing is left to wake.
        #expect(time.sleeping == 0)
    }

    @Test("a deadline on a machine that is not reached leaves nothing behind")
    func deadlineInTime() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let result = try simulation.run {
            let machine = Machine("quick", in: simulation)
            let result = try await withDeadline(machine.time.now + .seconds(3), machine.time) {
                try await machine.time.sleep(for: .seconds(1))
                return time.sleeping
            }
            return [result, time.sleeping]
        }
        #expect(result == [1, 0])
    }
}

private struct WakeUp: Sendable {
    let wanted: Int
    let after: Duration
}

/// A value that several tasks change.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}
