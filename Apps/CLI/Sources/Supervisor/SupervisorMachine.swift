/// The supervisor's decisions: starts all daemons, restarts what dies, and drains in order.
///
/// A value without clock, process or task: it is told what happened and answers what to do.
struct SupervisorMachine: Sendable {
    enum Event: Sendable, Equatable {
        case began
        /// Run `run` of a daemon has ended, or could not begin.
        case ended(String, run: Int, ProcessEnd)
        case ready(String, run: Int)
        case due(Timer)
        /// Somebody wants everything to end; asked twice, at once.
        case stop
    }

    enum Timer: Sendable, Hashable {
        case restart(String, run: Int)
        case healthy(String, run: Int)
        case readyLimit
        case drainLimit(String)
    }

    enum Action: Sendable, Equatable {
        case spawn(String, run: Int)
        /// Ask until the daemon is ready or this run has ended.
        case probe(String, run: Int)
        case terminate(String)
        case kill(String)
        case wait(Timer, Duration)
        /// Everything is ready for the first time.
        case announce
        case finish(Outcome)
    }

    enum Outcome: Sendable, Equatable {
        case stopped
        /// It never became ready; the daemons that were in the way.
        case failed(reason: String, daemons: [String])
    }

    enum Phase: Sendable, Equatable {
        /// Goes to `running` when all are ready, to `draining` when that fails or is not wanted any more.
        case starting
        case running
        /// Goes to `done` when all have ended.
        case draining
        case done
    }

    private(set) var phase = Phase.starting
    private(set) var lives: [String: DaemonLife]
    private let order: [String]
    private let limits: SupervisorLimits
    private var outcome = Outcome.stopped

    /// - Parameter drainOrder: All daemons by name, the one that ends first in front.
    init(drainOrder: [String], limits: SupervisorLimits) {
        order = drainOrder
        lives = Dictionary(uniqueKeysWithValues: drainOrder.map { ($0, DaemonLife()) })
        self.limits = limits
    }

    mutating func handle(_ event: Event) -> [Action] {
        if phase == .done { return [] }
        switch event {
        case .began:
            // What others need starts first.
            return order.reversed().flatMap { [.spawn($0, run: 1), .probe($0, run: 1)] }
                + [.wait(.readyLimit, limits.readyLimit)]
        case .ended(let name, let run, let end): return ended(name, run, end)
        case .ready(let name, let run): return ready(name, run)
        case .due(let timer): return due(timer)
        case .stop:
            guard phase == .draining else { return drain(.stopped) }
            return order.filter { lives[$0]?.state != .stopped }.map { .kill($0) }
        }
    }

    private mutating func ready(_ name: String, _ run: Int) -> [Action] {
        guard var life = lives[name], life.run == run, life.state == .starting else { return [] }
        life.state = .ready
        life.wasReady = true
        lives[name] = life
        var actions: [Action] = [.wait(.healthy(name, run: run), limits.healthyAfter)]
        if phase == .starting, lives.values.allSatisfy({ $0.state == .ready }) {
            phase = .running
            actions.append(.announce)
        }
        return actions
    }

    private mutating func ended(_ name: String, _ run: Int, _ end: ProcessEnd) -> [Action] {
        guard var life = lives[name], life.run == run else { return [] }
        life.lastEnd = end
        if phase == .draining {
            life.state = .stopped
            lives[name] = life
            return drainNext()
        }
        guard life.state == .starting || life.state == .ready else { return [] }
        life.deathsInRow += 1
        life.state = .resting
        lives[name] = life
        if phase == .starting, !life.wasReady, life.deathsInRow >= limits.earlyDeathsLimit {
            lives[name]?.state = .stopped
            let reason = "\(name) \(end), \(life.deathsInRow) times in a row"
            return drain(.failed(reason: reason, daemons: [name]))
        }
        return [.wait(.restart(name, run: run), limits.restartPause(after: life.deathsInRow))]
    }

    private mutating func due(_ timer: Timer) -> [Action] {
        switch timer {
        case .restart(let name, let run):
            guard var life = lives[name], life.state == .resting, life.run == run else { return [] }
            life.state = .starting
            life.run += 1
            life.restarts += 1
            lives[name] = life
            return [.spawn(name, run: life.run), .probe(name, run: life.run)]
        case .healthy(let name, let run):
            if let life = lives[name], life.state == .ready, life.run == run { lives[name]?.deathsInRow = 0 }
            return []
        case .readyLimit:
            guard phase == .starting else { return [] }
            let late = order.filter { lives[$0]?.state != .ready }
            return drain(.failed(reason: "not ready in time: \(late.joined(separator: ", "))", daemons: late))
        case .drainLimit(let name):
            return lives[name]?.state == .draining ? [.kill(name)] : []
        }
    }

    private mutating func drain(_ outcome: Outcome) -> [Action] {
        self.outcome = outcome
        phase = .draining
        for name in order where lives[name]?.state == .resting { lives[name]?.state = .stopped }
        return drainNext()
    }

    /// One daemon at a time: those that are still needed by it live on meanwhile.
    private mutating func drainNext() -> [Action] {
        if lives.values.contains(where: { $0.state == .draining }) { return [] }
        guard let next = order.first(where: { lives[$0]?.state != .stopped }) else {
            phase = .done
            return [.finish(outcome)]
        }
        lives[next]?.state = .draining
        return [.terminate(next), .wait(.drainLimit(next), limits.drainLimit)]
    }
}
