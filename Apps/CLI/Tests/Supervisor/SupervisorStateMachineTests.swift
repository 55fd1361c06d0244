import Console
import Testing

@testable import CLI

@Suite("Supervisor state machine")
struct SupervisorStateMachineTests {
    static let limits = SupervisorLimits()
    /// The gateway calls orders, and orders calls the log.
    var stateMachine = SupervisorStateMachine(drainOrder: ["gateway", "orders", "log"], limits: limits)

    mutating func becomeReady() {
        _ = stateMachine.handle(.began)
        for name in ["gateway", "orders", "log"] { _ = stateMachine.handle(.ready(name, run: 1)) }
    }

    @Test("starts dependencies first, and announces once when all daemons are ready")
    mutating func start() {
        let began = stateMachine.handle(.began)
        #expect(
            began == [
                .spawn("log", run: 1), .probe("log", run: 1), .spawn("orders", run: 1), .probe("orders", run: 1),
                .spawn("gateway", run: 1), .probe("gateway", run: 1), .wait(.readyLimit, Self.limits.readyLimit),
            ]
        )
        let first = stateMachine.handle(.ready("log", run: 1))
        let second = stateMachine.handle(.ready("orders", run: 1))
        let third = stateMachine.handle(.ready("gateway", run: 1))
        #expect(!first.contains(.announce) && !second.contains(.announce) && third.contains(.announce))
        #expect(stateMachine.phase == .running)
        let late = stateMachine.handle(.due(.readyLimit))
        #expect(late == [])
    }

    @Test("restart: the delay doubles with each consecutive exit, and resets after a healthy period")
    mutating func restart() {
        becomeReady()
        let first = stateMachine.handle(.ended("orders", run: 1, .signalled(9)))
        let again = stateMachine.handle(.due(.restart("orders", run: 1)))
        let second = stateMachine.handle(.ended("orders", run: 2, .exited(70)))
        _ = stateMachine.handle(.due(.restart("orders", run: 2)))
        _ = stateMachine.handle(.ready("orders", run: 3))
        let healthy = stateMachine.handle(.due(.healthy("orders", run: 3)))
        let third = stateMachine.handle(.ended("orders", run: 3, .exited(70)))

        #expect(first == [.wait(.restart("orders", run: 1), Self.limits.restartDelayMin)])
        #expect(again == [.spawn("orders", run: 2), .probe("orders", run: 2)])
        #expect(second == [.wait(.restart("orders", run: 2), Self.limits.restartDelayMin * 2)])
        #expect(healthy == [])
        #expect(third == [.wait(.restart("orders", run: 3), Self.limits.restartDelayMin)])
        #expect(stateMachine.lifecycles["orders"]?.restarts == 2)
    }

    @Test("restart: the delay has an upper limit")
    func restartDelay() {
        #expect(Self.limits.restartDelay(after: 1) == Self.limits.restartDelayMin)
        #expect(Self.limits.restartDelay(after: 1_000_000) == Self.limits.restartDelayMax)
    }

    @Test("ignores events of an earlier run")
    mutating func staleEvents() {
        becomeReady()
        _ = stateMachine.handle(.ended("orders", run: 1, .signalled(9)))
        _ = stateMachine.handle(.due(.restart("orders", run: 1)))
        let stale = [
            stateMachine.handle(.ready("orders", run: 1)), stateMachine.handle(.ended("orders", run: 1, .exited(0))),
            stateMachine.handle(.due(.restart("orders", run: 1))),
        ]
        #expect(stale == [[], [], []])
        #expect(stateMachine.lifecycles["orders"]?.state == .starting)
    }

    @Test("repeated exits before the first readiness: drains the other daemons and fails")
    mutating func repeatedExits() {
        _ = stateMachine.handle(.began)
        for run in 1..<Self.limits.earlyExitsLimit {
            _ = stateMachine.handle(.ended("orders", run: run, .exited(70)))
            _ = stateMachine.handle(.due(.restart("orders", run: run)))
        }
        let last = stateMachine.handle(.ended("orders", run: Self.limits.earlyExitsLimit, .exited(70)))
        #expect(last.first == .terminate("gateway"))
        let gateway = stateMachine.handle(.ended("gateway", run: 1, .exited(0)))
        #expect(gateway.first == .terminate("log"))
        let log = stateMachine.handle(.ended("log", run: 1, .exited(0)))
        #expect(
            log == [.finish(.failed(reason: "orders exited with status 70, 3 times in a row", daemons: ["orders"]))]
        )
    }

    @Test("a wrong flag or configuration fails the first start; one that was ready is restarted")
    func lastingExits() {
        for status: Int32 in [64, 78] {
            var stateMachine = SupervisorStateMachine(drainOrder: ["orders"], limits: Self.limits)
            _ = stateMachine.handle(.began)
            let first = stateMachine.handle(.ended("orders", run: 1, .exited(status)))
            #expect(first == [.finish(.failed(reason: "orders exited with status \(status)", daemons: ["orders"]))])

            stateMachine = SupervisorStateMachine(drainOrder: ["orders"], limits: Self.limits)
            _ = stateMachine.handle(.began)
            _ = stateMachine.handle(.ready("orders", run: 1))
            let later = stateMachine.handle(.ended("orders", run: 1, .exited(status)))
            #expect(later == [.wait(.restart("orders", run: 1), Self.limits.restartDelayMin)])
        }
    }

    @Test("readiness limit: fails and names the daemons that are not ready")
    mutating func readinessLimit() {
        _ = stateMachine.handle(.began)
        _ = stateMachine.handle(.ready("log", run: 1))
        let late = stateMachine.handle(.due(.readyLimit))
        #expect(late.first == .terminate("gateway"))
        _ = stateMachine.handle(.ended("gateway", run: 1, .exited(0)))
        _ = stateMachine.handle(.ended("orders", run: 1, .exited(0)))
        let end = stateMachine.handle(.ended("log", run: 1, .exited(0)))
        #expect(
            end == [.finish(.failed(reason: "not ready in time: gateway, orders", daemons: ["gateway", "orders"]))]
        )
    }

    @Test("drain: one daemon at a time, killed after the limit, none restarted")
    mutating func drain() {
        becomeReady()
        let stop = stateMachine.handle(.stop)
        #expect(stop == [.terminate("gateway"), .wait(.drainLimit("gateway"), Self.limits.drainLimit)])
        let crashed = stateMachine.handle(.ended("log", run: 1, .signalled(9)))
        #expect(crashed == [])
        let slow = stateMachine.handle(.due(.drainLimit("gateway")))
        #expect(slow == [.kill("gateway")])
        let gateway = stateMachine.handle(.ended("gateway", run: 1, .signalled(9)))
        #expect(gateway.first == .terminate("orders"))
        let orders = stateMachine.handle(.ended("orders", run: 1, .exited(0)))
        #expect(orders == [.finish(.stopped)])
        let after = stateMachine.handle(.stop)
        #expect(after == [])
    }

    @Test("drain: a daemon that waits for its restart is not started again")
    mutating func drainWhileRestarting() {
        becomeReady()
        _ = stateMachine.handle(.ended("gateway", run: 1, .signalled(9)))
        let stop = stateMachine.handle(.stop)
        #expect(stop.first == .terminate("orders"))
        let due = stateMachine.handle(.due(.restart("gateway", run: 1)))
        #expect(due == [])
    }

    @Test("another attempt to record the processes changes nothing")
    mutating func record() {
        becomeReady()
        let before = stateMachine.lifecycles
        let actions = stateMachine.handle(.due(.record))
        #expect(actions == [])
        #expect(stateMachine.lifecycles == before)
    }

    @Test("a second stop request kills all daemons")
    mutating func stopTwice() {
        becomeReady()
        _ = stateMachine.handle(.stop)
        let again = stateMachine.handle(.stop)
        #expect(again == [.kill("gateway"), .kill("orders"), .kill("log")])
    }
}
