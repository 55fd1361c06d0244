import Foundation
import MartletCore
import Synchronization

/// Runs the programs of a plan until it is told to stop: the effects around ``SupervisorMachine``.
struct Supervisor: Sendable {
    /// One daemon: its program, and where it says that it is ready.
    struct Daemon: Sendable {
        let row: ProcessTable.Row
        let program: ChildProcess.Program
        /// Added to the environment of the first start only: a crash point that is armed again after each crash would never
        /// let the daemon live.
        let firstEnvironment: [String: String]
    }

    typealias Event = SupervisorMachine.Event

    let folder: DataFolder
    let url: String
    let singleProcess: Bool
    /// In the order in which they end.
    let daemons: [Daemon]
    let limits: SupervisorLimits
    let time: any TimeSource
    /// Asks whether the daemon behind an HTTP port is ready.
    let isReady: @Sendable (_ port: Int) async -> Bool
    /// Told of deaths and restarts, in words.
    let note: @Sendable (String) -> Void

    /// Runs until the machine has finished: after `stops` asked for it, or when the daemons cannot become ready.
    ///
    /// - Parameter announce: Called once, when everything is ready for the first time.
    func run(
        stops: some AsyncSequence & Sendable,
        announce: (ProcessTable) throws -> Void
    ) async throws -> SupervisorMachine.Outcome {
        let (events, inbox) = AsyncStream.makeStream(of: Event.self)
        let runs = Runs()
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await pass(stops, on: inbox) }
            group.addTask { await rotateLogs() }
            var machine = SupervisorMachine(drainOrder: daemons.map(\.row.name), limits: limits)
            var children: [String: ChildProcess] = [:]
            var written: ProcessTable?
            inbox.yield(.began)
            for await event in events {
                tell(of: event)
                let actions = machine.handle(event)
                runs.set(machine.lives)
                for action in actions {
                    switch action {
                    case .spawn(let name, let run): children[name] = await spawn(name, run, inbox)
                    case .probe(let name, let run): group.addTask { await probe(name, run, runs, inbox) }
                    case .terminate(let name): signal(name, SIGTERM, children)
                    case .kill(let name): signal(name, SIGKILL, children)
                    case .wait(let timer, let pause):
                        group.addTask { if await rest(pause) { inbox.yield(.due(timer)) } }
                    case .announce: try announce(table(machine, children))
                    case .finish(let outcome):
                        try table(machine, children).write(to: folder)
                        group.cancelAll()
                        return outcome
                    }
                }
                let now = table(machine, children)
                if now != written {
                    try now.write(to: folder)
                    written = now
                }
            }
            throw CancellationError()
        }
    }

    private func spawn(_ name: String, _ run: Int, _ inbox: AsyncStream<Event>.Continuation) async -> ChildProcess? {
        guard let daemon = daemons.first(where: { $0.row.name == name }) else { return nil }
        let extra = run == 1 ? daemon.firstEnvironment : [:]
        let program = ChildProcess.Program(
            path: daemon.program.path,
            arguments: daemon.program.arguments,
            environment: daemon.program.environment.merging(extra) { $1 },
            log: daemon.program.log
        )
        do {
            return try await ChildProcess.start(program) { inbox.yield(.ended(name, run: run, $0)) }
        } catch {
            inbox.yield(.ended(name, run: run, .notStarted("\(error)")))
            return nil
        }
    }

    /// Waits; `false` when the supervisor has ended meanwhile.
    private func rest(_ pause: Duration) async -> Bool { (try? await time.sleep(for: pause)) != nil }

    private func pass(_ stops: some AsyncSequence, on inbox: AsyncStream<Event>.Continuation) async {
        var last: Moment?
        do {
            for try await _ in stops {
                // One wish may come as several signals: to the process, and to its group.
                if let last, time.now - last < limits.stopsApart { continue }
                last = time.now
                inbox.yield(.stop)
            }
        } catch {
            // Whoever cannot ask any more is taken to have asked.
            inbox.yield(.stop)
        }
    }

    private func probe(
        _ name: String,
        _ run: Int,
        _ runs: Runs,
        _ inbox: AsyncStream<Event>.Continuation
    ) async {
        guard let daemon = daemons.first(where: { $0.row.name == name }) else { return }
        while runs.isStarting(name, run) {
            if await isReady(daemon.row.http) {
                inbox.yield(.ready(name, run: run))
                return
            }
            guard await rest(limits.probePause) else { return }
        }
    }

    private func signal(_ name: String, _ number: Int32, _ children: [String: ChildProcess]) {
        children[name]?.send(number)
        if number == SIGKILL { note("\(name) has not ended and is killed") }
    }

    private func rotateLogs() async {
        repeat {
            for daemon in daemons {
                do {
                    try ChildLog(path: daemon.program.log).rotate()
                } catch {
                    note("the log of \(daemon.row.name) cannot be set aside: \(error)")
                }
            }
        } while await rest(limits.logPause)
    }

    private func tell(of event: Event) {
        if case .ended(let name, _, let end) = event, end != .exited(0) { note("\(name) \(end)") }
    }

    private func table(_ machine: SupervisorMachine, _ children: [String: ChildProcess]) -> ProcessTable {
        let rows = daemons.map { daemon in
            var row = daemon.row
            guard let life = machine.lives[row.name] else { return row }
            row.state = life.state
            row.restarts = life.restarts
            row.mark = life.state == .resting || life.state == .stopped ? nil : children[row.name]?.mark
            return row
        }
        return ProcessTable(
            supervisor: ProcessMark(pid: getpid()),
            url: url,
            singleProcess: singleProcess,
            rows: rows
        )
    }

    /// What the probes need to know of the machine: which run of which daemon is still starting.
    private final class Runs: Sendable {
        private let lives = Mutex<[String: DaemonLife]>([:])

        func set(_ lives: [String: DaemonLife]) { self.lives.withLock { $0 = lives } }

        func isStarting(_ name: String, _ run: Int) -> Bool {
            lives.withLock { $0[name].map { $0.run == run && $0.state == .starting } ?? false }
        }
    }
}
