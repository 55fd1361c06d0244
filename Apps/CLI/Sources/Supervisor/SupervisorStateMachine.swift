import Console
import MartletHost

/// The supervisor's state machine: starts all daemons, restarts those that exit, and drains in order.
///
/// A value without clock, process or task: it receives events and returns actions.
struct SupervisorStateMachine: Sendable {
    enum Event: Sendable, Equatable {
        case began
        /// Run `run` of a daemon has ended, or could not start.
        case ended(String, run: Int, ProcessEnd)
        case ready(String, run: Int)
        case due(Timer)
        /// A request to shut down; the second one kills all daemons immediately.
        case stop
    }

    enum Timer: Sendable, Hashable {
        case restart(String, run: Int)
        case healthy(String, run: Int)
        case readyLimit
        case drainLimit(String)
        /// The table of processes could not be written and is written again.
        case record
    }

    enum Action: Sendable, Equatable {
        case spawn(String, run: Int)
        /// Probe until the daemon is ready or this run has ended.
        case probe(String, run: Int)
        case terminate(String)
        case kill(String)
        case wait(Timer, Duration)
        /// All daemons are ready for the first time.
        case announce
        case finish(Outcome)
    }

    enum Outcome: Sendable, Equatable {
        case stopped
        /// The system never became ready; `daemons` are those that failed.
        case failed(reason: String, daemons: [String])
    }

    enum Phase: Sendable, Equatable {
        /// Goes to `running` when all are ready, to `draining` on failure or a stop request.
        case starting
        case running
        /// Goes to `done` when all have exited.
        case draining
        case done
    }

    private(set) var phase = Phase.starting
    private(set) var lifecycles: [String: DaemonLifecycle]
    private let order: [String]
    private let limits: SupervisorLimits
    private var outcome = Outcome.stopped

    /// - Parameter drainOrder: All daemons by name; the first is drained first.
    init(drainOrder: [String], limits: SupervisorLimits) {
        order = drainOrder
        lifecycles = Dictionary(uniqueKeysWithValues: drainOrder.map { ($0, DaemonLifecycle()) })
        self.limits = limits
    }

    mutating func handle(_ event: Event) -> [Action] {
        if phase == .done { return [] }
        switch event {
        case .began:
            // Dependencies start first.
            return order.reversed().flatMap { [.spawn($0, run: 1), .probe($0, run: 1)] }
                + [.wait(.readyLimit, limits.readyLimit)]
        case .ended(let name, let run, let end): return ended(name, run: run, with: end)
        case .ready(let name, let run): return ready(name, run)
        case .due(let timer): return due(timer)
        case .stop:
            guard phase == .draining else { return drain(.stopped) }
            return order.filter { lifecycles[$0]?.state != .stopped }.map { .kill($0) }
        }
    }

    private mutating func ready(_ name: String, _ run: Int) -> [Action] {
        guard var lifecycle = lifecycles[name], lifecycle.run == run, lifecycle.state == .starting else { return [] }
        lifecycle.state = .ready
        lifecycle.wasReady = true
        lifecycles[name] = lifecycle
        var actions: [Action] = [.wait(.healthy(name, run: run), limits.healthyAfter)]
        if phase == .starting, lifecycles.values.allSatisfy({ $0.state == .ready }) {
            phase = .running
            actions.append(.announce)
        }
        return actions
    }

    private mutating func ended(_ name: String, run: Int, with end: ProcessEnd) -> [Action] {
        guard var lifecycle = lifecycles[name], lifecycle.run == run else { return [] }
        lifecycle.lastEnd = end
        if phase == .draining {
            lifecycle.state = .stopped
            lifecycles[name] = lifecycle
            return drainNext()
        }
        guard lifecycle.state == .starting || lifecycle.state == .ready else { return [] }
        lifecycle.consecutiveExits += 1
        lifecycle.state = .resting
        lifecycles[name] = lifecycle
        if phase == .starting, !lifecycle.wasReady,
            Self.isLasting(end) || lifecycle.consecutiveExits >= limits.earlyExitsLimit
        {
            lifecycles[name]?.state = .stopped
            let exits = lifecycle.consecutiveExits
            let reason = "\(name) \(end)" + (exits > 1 ? ", \(exits) times in a row" : "")
            return drain(.failed(reason: reason, daemons: [name]))
        }
        return [.wait(.restart(name, run: run), limits.restartDelay(after: lifecycle.consecutiveExits))]
    }

    /// Whether another start ends in the same way: a flag, a variable or a file of the configuration is wrong.
    private static func isLasting(_ end: ProcessEnd) -> Bool {
        [ExitStatus.usage, .config].contains { end == .exited($0.rawValue) }
    }

    private mutating func due(_ timer: Timer) -> [Action] {
        switch timer {
        case .restart(let name, let run):
            guard var lifecycle = lifecycles[name], lifecycle.state == .resting, lifecycle.run == run else { return [] }
            lifecycle.state = .starting
            lifecycle.run += 1
            lifecycle.restarts += 1
            lifecycles[name] = lifecycle
            return [.spawn(name, run: lifecycle.run), .probe(name, run: lifecycle.run)]
        case .healthy(let name, let run):
            if let lifecycle = lifecycles[name], lifecycle.state == .ready, lifecycle.run == run {
                lifecycles[name]?.consecutiveExits = 0
            }
            return []
        case .readyLimit:
            guard phase == .starting else { return [] }
            let late = order.filter { lifecycles[$0]?.state != .ready }
            return drain(.failed(reason: "not ready in time: \(late.joined(separator: ", "))", daemons: late))
        case .drainLimit(let name):
            return lifecycles[name]?.state == .draining ? [.kill(name)] : []
        case .record: return []
        }
    }

    private mutating func drain(_ outcome: Outcome) -> [Action] {
        self.outcome = outcome
        phase = .draining
        for name in order where lifecycles[name]?.state == .resting { lifecycles[name]?.state = .stopped }
        return drainNext()
    }

    /// One daemon at a time: its dependencies keep running meanwhile.
    private mutating func drainNext() -> [Action] {
        if lifecycles.values.contains(where: { $0.state == .draining }) { return [] }
        guard let next = order.first(where: { lifecycles[$0]?.state != .stopped }) else {
            phase = .done
            return [.finish(outcome)]
        }
        lifecycles[next]?.state = .draining
        return [.terminate(next), .wait(.drainLimit(next), limits.drainLimit)]
    }
}
