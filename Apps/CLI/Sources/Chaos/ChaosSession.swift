import ArgumentParser
import Console
import MartletCore
import Synchronization
import UnixSignals

/// One run of `martlet chaos`: performs actions and reports each; Ctrl-C ends it with all daemons continued.
struct ChaosSession: Sendable {
    let folder: DataFolder
    let json: Bool

    static func executor(_ folder: DataFolder) -> ChaosExecutor { ChaosExecutor(folder, time: SystemTime()) }

    /// Runs `body` with a function that performs an action; then prints the records.
    ///
    /// - Throws: ``CommandFailure``; `CommandStatus.failed` when a daemon did not become ready again.
    func run(
        _ body: @escaping @Sendable (_ perform: (ChaosAction) async throws -> Void) async throws -> Void
    ) async throws {
        let terminal = Terminal()
        let executor = Self.executor(folder)
        let recorded = RecordList()
        // A stopped process must be continued before this one exits.
        let stops = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in stops { return true }
                return false
            }
            group.addTask { [json] in
                try await body { action in
                    let record = try await executor.perform(action)
                    recorded.add(record)
                    json ? terminal.note(record.line) : terminal.line(record.line)
                }
                return false
            }
            let wasInterrupted = try await group.next() ?? false
            group.cancelAll()
            if wasInterrupted { terminal.note("interrupted") }
            // An interrupted action throws `CancellationError` after its daemon was continued.
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
        let records = recorded.records
        if json { try terminal.json(records) }
        if !records.allSatisfy(\.hasRecovered) { throw CommandStatus.failed }
    }

    private final class RecordList: Sendable {
        private let list = Mutex<[ChaosRecord]>([])
        var records: [ChaosRecord] { list.withLock { $0 } }
        func add(_ record: ChaosRecord) { list.withLock { $0.append(record) } }
    }
}

/// Selects a daemon.
struct ChaosOptions: ParsableArguments {
    @Argument(help: "A daemon, by its program or its service.")
    var daemon: String

    @OptionGroup var data: FolderOptions

    @Flag(help: "Print a JSON array of the performed actions.")
    var json = false

    func perform(_ kind: ChaosAction.Kind, length: Duration) async throws {
        do {
            try await ChaosSession(folder: data.folder, json: json).run { [daemon] perform in
                try await perform(ChaosAction(kind: kind, daemon: daemon, length: length))
            }
        } catch let failure as CommandFailure {
            Terminal().note("Error: \(failure.description)")
            throw failure.status
        }
    }
}

/// The duration of an action or a run.
struct ChaosLength: ParsableArguments {
    @Option(
        name: .customLong("for"),
        parsing: .unconditional,
        help: ArgumentHelp("How long, as in 10s or 2m.", valueName: "time"),
        transform: DurationArgument.flag
    )
    var value = DurationArgument(duration: .seconds(10))
}
