import Console
import Foundation
import MartletCore
import MartletHost
import Synchronization

/// Runs the daemons until it is stopped: executes the actions of ``SupervisorStateMachine``.
struct Supervisor: Sendable {
    /// One daemon: its program and its row in the process table.
    struct Daemon: Sendable {
        let row: ProcessTable.Row
        let program: ChildProcess.Program
        /// Added to the environment of the first start only: a crash point armed again after each crash would crash the
        /// daemon forever.
        let firstEnvironment: [String: String]
    }

    typealias Event = SupervisorStateMachine.Event

    let folder: DataFolder
    /// The identity of the folder.
    let system: String
    let url: String
    let singleProcess: Bool
    /// In shutdown order.
    let daemons: [Daemon]
    let limits: SupervisorLimits
    let time: any TimeSource
    /// Probes the readiness of the daemon on the port for health.
    let isReady: @Sendable (_ port: Int) async -> Bool
    /// Logs crashes and kills.
    let note: @Sendable (String) -> Void

    /// Runs until a signal in `stops` has shut everything down, or the daemons cannot become ready.
    ///
    /// - Parameter announce: Called once, when everything is ready for the first time.
    func run(
        stops: some AsyncSequence & Sendable,
        announce: (ProcessTable) throws -> Void
    ) async throws -> SupervisorStateMachine.Outcome {
        let (events, inbox) = AsyncStream.makeStream(of: Event.self)
        let runs = Runs()
        return try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await forward(stops, to: inbox) }
            group.addTask { await rotateLogs() }
            var stateMachine = SupervisorStateMachine(drainOrder: daemons.map(\.row.name), limits: limits)
            var children: [String: ChildProcess] = [:]
            var record = Record()
            inbox.yield(.began)
            for await event in events {
                logExit(event)
                let actions = stateMachine.handle(event)
                runs.set(stateMachine.lifecycles)
                for action in actions {
                    switch action {
                    case .spawn(let name, let run): children[name] = await spawn(name, run: run, inbox: inbox)
                    case .probe(let name, let run):
                        group.addTask { await probe(name, run: run, runs: runs, inbox: inbox) }
                    case .terminate(let name): children[name]?.send(SIGTERM)
                    case .kill(let name): kill(name, children)
                    case .wait(let timer, let delay):
                        group.addTask { if await sleep(for: delay) { inbox.yield(.due(timer)) } }
                    case .announce: try announce(table(stateMachine, children))
                    case .finish(let outcome):
                        write(table(stateMachine, children), &record)
                        group.cancelAll()
                        return outcome
                    }
                }
                if event == .due(.record) { record.isRetrying = false }
                write(table(stateMachine, children), &record)
                if record.hasFailed, !record.isRetrying {
                    record.isRetrying = true
                    group.addTask { if await sleep(for: limits.recordRetry) { inbox.yield(.due(.record)) } }
                }
            }
            throw CancellationError()
        }
    }

    /// What the file of processes contains.
    private struct Record {
        var written: ProcessTable?
        /// The last attempt to write it has failed.
        var hasFailed = false
        /// Another attempt is scheduled.
        var isRetrying = false
    }

    /// Writes a table that has changed; a failure, as on a full disk, must not end the daemons that run.
    private func write(_ table: ProcessTable, _ record: inout Record) {
        guard table != record.written || record.hasFailed else { return }
        do throws(CommandFailure) {
            try table.write(to: folder)
            if record.hasFailed { note("\(folder.processes): is written again") }
            record.written = table
            record.hasFailed = false
        } catch {
            if !record.hasFailed { note("\(error.description): it shows an earlier state until it can be written") }
            record.hasFailed = true
        }
    }

    private func spawn(_ name: String, run: Int, inbox: AsyncStream<Event>.Continuation) async -> ChildProcess? {
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

    /// Returns `false` when the supervisor ended meanwhile.
    private func sleep(for duration: Duration) async -> Bool { (try? await time.sleep(for: duration)) != nil }

    private func forward(_ stops: some AsyncSequence, to inbox: AsyncStream<Event>.Continuation) async {
        var last: Moment?
        do {
            for try await _ in stops {
                // One stop request may arrive as several signals: to the process, and to its group.
                if let last, time.now - last < limits.stopDebounce { continue }
                last = time.now
                inbox.yield(.stop)
            }
        } catch {
            // When the signal source fails, no later stop request can arrive: stop now.
            inbox.yield(.stop)
        }
    }

    private func probe(
        _ name: String,
        run: Int,
        runs: Runs,
        inbox: AsyncStream<Event>.Continuation
    ) async {
        guard let daemon = daemons.first(where: { $0.row.name == name }) else { return }
        while runs.isStarting(name, run) {
            if await isReady(daemon.row.probed) {
                inbox.yield(.ready(name, run: run))
                return
            }
            guard await sleep(for: limits.probeInterval) else { return }
        }
    }

    private func kill(_ name: String, _ children: [String: ChildProcess]) {
        children[name]?.send(SIGKILL)
        note("\(name) did not exit in time and is killed")
    }

    private func rotateLogs() async {
        var failed: Set<String> = []
        repeat {
            for daemon in daemons {
                do {
                    try ChildLog(path: daemon.program.log).rotate()
                    failed.remove(daemon.row.name)
                } catch {
                    // It is tried again soon; one message is enough.
                    guard failed.insert(daemon.row.name).inserted else { continue }
                    note("the log of \(daemon.row.name) cannot be rotated: \(ErrorText.plain(error))")
                }
            }
        } while await sleep(for: limits.logCheckInterval)
    }

    private func logExit(_ event: Event) {
        guard case .ended(let name, _, let end) = event, end != .exited(0) else { return }
        note("\(name) \(end)\(DiskSpace(path: folder.path).problem.map { ": \($0)" } ?? "")")
    }

    private func table(_ stateMachine: SupervisorStateMachine, _ children: [String: ChildProcess]) -> ProcessTable {
        let rows = daemons.map { daemon in
            var row = daemon.row
            guard let lifecycle = stateMachine.lifecycles[row.name] else { return row }
            row.state = lifecycle.state
            row.restarts = lifecycle.restarts
            row.mark = lifecycle.state == .resting || lifecycle.state == .stopped ? nil : children[row.name]?.identity
            return row
        }
        return ProcessTable(
            folder: system,
            supervisor: ProcessIdentity(pid: getpid()),
            url: url,
            singleProcess: singleProcess,
            rows: rows
        )
    }

    /// The probes' view of the state machine: which run of which daemon is still starting.
    private final class Runs: Sendable {
        private let lifecycles = Mutex<[String: DaemonLifecycle]>([:])

        func set(_ lifecycles: [String: DaemonLifecycle]) { self.lifecycles.withLock { $0 = lifecycles } }

        func isStarting(_ name: String, _ run: Int) -> Bool {
            lifecycles.withLock { $0[name].map { $0.run == run && $0.state == .starting } ?? false }
        }
    }
}
