import MartletCore
import MartletSimulation
import Synchronization
import Testing

@Suite("Virtual time and frozen machines")
struct VirtualTimeTests {
    @Test("leaps over everybody who sleeps, and wakes them afterwards by their moments")
    func leap() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let (begin, date) = (time.now, time.date)
        let woken = Noted<[Woken]>([])
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                for seconds in [3, 1, 90, 2] {
                    group.addTask {
                        try? await time.sleep(for: .seconds(seconds))
                        woken.value.withLock { $0.append(Woken(wanted: seconds, after: time.now - begin)) }
                    }
                }
                group.addTask {
                    while time.sleeping < 4 { await Task.yield() }
                    time.leap(by: .seconds(60))
                    #expect(woken.value.withLock { $0.isEmpty })
                    #expect(time.now - begin == .seconds(60))
                    #expect(time.date - date == .seconds(60))
                }
            }
        }
        let found = woken.value.withLock { $0 }
        // Those who were due meanwhile find the time after the leap; the last one sleeps on as long as he wanted.
        #expect(Set(found.prefix(3).map(\.wanted)) == [1, 2, 3])
        #expect(found.map(\.after) == [.seconds(60), .seconds(60), .seconds(60), .seconds(90)])
        #expect(time.date - date == .seconds(90))
    }

    @Test("is not changed by a leap of no length")
    func standstill() {
        let time = VirtualTime()
        let (now, date) = (time.now, time.date)
        time.leap(by: .zero)
        #expect(time.now == now)
        #expect(time.date == date)
    }

    @Test("a machine that is not frozen lets its peers go on at once")
    func awake() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let begin = time.now
        try simulation.run { await Machine("awake", in: simulation).thaw() }
        #expect(time.now == begin)
    }

    @Test("a frozen machine is waited for until it is resumed, or has crashed", arguments: [true, false])
    func frozen(_ crashes: Bool) throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let begin = time.now
        let waited = Noted<Duration?>(nil)
        try simulation.run {
            let machine = Machine("frozen", in: simulation)
            machine.pause()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await machine.thaw()
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
}

private struct Woken: Sendable {
    let wanted: Int
    let after: Duration
}

/// What several tasks write down.
private final class Noted<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}
