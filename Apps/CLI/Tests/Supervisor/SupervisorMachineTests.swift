import Testing

@testable import CLI

@Suite("A supervisor's decisions")
struct SupervisorMachineTests {
    static let limits = SupervisorLimits()
    /// The gateway asks the orders, which ask the log.
    var machine = SupervisorMachine(drainOrder: ["gateway", "orders", "log"], limits: limits)

    mutating func becomeReady() {
        _ = machine.handle(.began)
        for name in ["gateway", "orders", "log"] { _ = machine.handle(.ready(name, run: 1)) }
    }

    @Test("start first what others need, and tell once when all is ready")
    mutating func start() {
        let began = machine.handle(.began)
        #expect(
            began == [
                .spawn("log", run: 1), .probe("log", run: 1), .spawn("orders", run: 1), .probe("orders", run: 1),
                .spawn("gateway", run: 1), .probe("gateway", run: 1), .wait(.readyLimit, Self.limits.readyLimit),
            ]
        )
        let first = machine.handle(.ready("log", run: 1))
        let second = machine.handle(.ready("orders", run: 1))
        let third = machine.handle(.ready("gateway", run: 1))
        #expect(!first.contains(.announce) && !second.contains(.announce) && third.contains(.announce))
        #expect(machine.phase == .running)
        let late = machine.handle(.due(.readyLimit))
        #expect(late == [])
    }

    @Test("restart what dies after pauses that double, and forget its deaths once it has been well for a while")
    mutating func restart() {
        becomeReady()
        let first = machine.handle(.ended("orders", run: 1, .signalled(9)))
        let again = machine.handle(.due(.restart("orders", run: 1)))
        let second = machine.handle(.ended("orders", run: 2, .exited(70)))
        _ = machine.handle(.due(.restart("orders", run: 2)))
        _ = machine.handle(.ready("orders", run: 3))
        let well = machine.handle(.due(.healthy("orders", run: 3)))
        let third = machine.handle(.ended("orders", run: 3, .exited(70)))

        #expect(first == [.wait(.restart("orders", run: 1), Self.limits.restartPauseMin)])
        #expect(again == [.spawn("orders", run: 2), .probe("orders", run: 2)])
        #expect(second == [.wait(.restart("orders", run: 2), Self.limits.restartPauseMin * 2)])
        #expect(well == [])
        #expect(third == [.wait(.restart("orders", run: 3), Self.limits.restartPauseMin)])
        #expect(machine.lives["orders"]?.restarts == 2)
    }

    @Test("never wait longer than the limit before a restart")
    func pauses() {
        #expect(Self.limits.restartPause(after: 1) == Self.limits.restartPauseMin)
        #expect(Self.limits.restartPause(after: 1_000_000) == Self.limits.restartPauseMax)
    }

    @Test("pass over what is told of an earlier run")
    mutating func earlier() {
        becomeReady()
        _ = machine.handle(.ended("orders", run: 1, .signalled(9)))
        _ = machine.handle(.due(.restart("orders", run: 1)))
        let stale = [
            machine.handle(.ready("orders", run: 1)), machine.handle(.ended("orders", run: 1, .exited(0))),
            machine.handle(.due(.restart("orders", run: 1))),
        ]
        #expect(stale == [[], [], []])
        #expect(machine.lives["orders"]?.state == .starting)
    }

    @Test("give up on a daemon that dies again and again before it was ever ready, and end the others in order")
    mutating func givesUp() {
        _ = machine.handle(.began)
        for run in 1..<Self.limits.earlyDeathsLimit {
            _ = machine.handle(.ended("orders", run: run, .exited(78)))
            _ = machine.handle(.due(.restart("orders", run: run)))
        }
        let last = machine.handle(.ended("orders", run: Self.limits.earlyDeathsLimit, .exited(78)))
        #expect(last.first == .terminate("gateway"))
        let gateway = machine.handle(.ended("gateway", run: 1, .exited(0)))
        #expect(gateway.first == .terminate("log"))
        let log = machine.handle(.ended("log", run: 1, .exited(0)))
        #expect(
            log == [.finish(.failed(reason: "orders exited with status 78, 3 times in a row", daemons: ["orders"]))]
        )
    }

    @Test("give up when not all is ready in time, and say what was not")
    mutating func late() {
        _ = machine.handle(.began)
        _ = machine.handle(.ready("log", run: 1))
        let late = machine.handle(.due(.readyLimit))
        #expect(late.first == .terminate("gateway"))
        _ = machine.handle(.ended("gateway", run: 1, .exited(0)))
        _ = machine.handle(.ended("orders", run: 1, .exited(0)))
        let end = machine.handle(.ended("log", run: 1, .exited(0)))
        #expect(
            end == [.finish(.failed(reason: "not ready in time: gateway, orders", daemons: ["gateway", "orders"]))]
        )
    }

    @Test("drain one daemon at a time, kill the one that does not end, and restart none")
    mutating func drain() {
        becomeReady()
        let stop = machine.handle(.stop)
        #expect(stop == [.terminate("gateway"), .wait(.drainLimit("gateway"), Self.limits.drainLimit)])
        let died = machine.handle(.ended("log", run: 1, .signalled(9)))
        #expect(died == [])
        let slow = machine.handle(.due(.drainLimit("gateway")))
        #expect(slow == [.kill("gateway")])
        let gateway = machine.handle(.ended("gateway", run: 1, .signalled(9)))
        #expect(gateway.first == .terminate("orders"))
        let orders = machine.handle(.ended("orders", run: 1, .exited(0)))
        #expect(orders == [.finish(.stopped)])
        let after = machine.handle(.stop)
        #expect(after == [])
    }

    @Test("end a daemon that rests between two runs without starting it")
    mutating func drainResting() {
        becomeReady()
        _ = machine.handle(.ended("gateway", run: 1, .signalled(9)))
        let stop = machine.handle(.stop)
        #expect(stop.first == .terminate("orders"))
        let due = machine.handle(.due(.restart("gateway", run: 1)))
        #expect(due == [])
    }

    @Test("kill everything when asked twice")
    mutating func stopTwice() {
        becomeReady()
        _ = machine.handle(.stop)
        let again = machine.handle(.stop)
        #expect(again == [.kill("gateway"), .kill("orders"), .kill("log")])
    }
}
