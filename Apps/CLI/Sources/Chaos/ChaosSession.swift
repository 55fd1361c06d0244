import ArgumentParser
import MartletCore
import Synchronization
import UnixSignals

/// What one `martlet chaos` does: acts, told as they happen, ended by Ctrl-C with everything going on.
struct ChaosSession: Sendable {
    let folder: DataFolder
    let json: Bool

    static func hand(_ folder: DataFolder) -> ChaosHand { ChaosHand(folder, time: SystemTime()) }

    /// Runs `body`, which is given the way to perform an act; then prints what was done.
    ///
    /// - Throws: ``CommandFailure``; `ExitStatus.failed` when a daemon did not become ready again.
    func run(
        _ body: @escaping @Sendable (_ perform: (ChaosAct) async throws -> Void) async throws -> Void
    ) async throws {
        let terminal = Terminal()
        let hand = Self.hand(folder)
        let done = Done()
        // A process that stands still must go on before this one ends.
        let stops = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in stops { return true }
                return false
            }
            group.addTask { [json] in
                try await body { act in
                    let record = try await hand.perform(act)
                    done.add(record)
                    json ? terminal.note(record.line) : terminal.line(record.line)
                }
                return false
            }
            let wasStopped = try await group.next() ?? false
            group.cancelAll()
            if wasStopped { terminal.note("ended early") }
            // An act that was cut short ends by cancellation, after its daemon goes on.
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
        let records = done.records
        if json { try terminal.json(records) }
        if !records.allSatisfy(\.hasHealed) { throw ExitStatus.failed }
    }

    private final class Done: Sendable {
        private let list = Mutex<[ChaosRecord]>([])
        var records: [ChaosRecord] { list.withLock { $0 } }
        func add(_ record: ChaosRecord) { list.withLock { $0.append(record) } }
    }
}

/// Which daemon is meant.
struct ChaosOptions: ParsableArguments {
    @Argument(help: "A daemon, by its program or its service, as in `ordersd` or `orders`.")
    var daemon: String

    @OptionGroup var data: FolderOptions

    @Flag(help: "Print a JSON array of what was done.")
    var json = false

    func perform(_ kind: ChaosAct.Kind, length: Duration) async throws {
        do {
            try await ChaosSession(folder: data.folder, json: json).run { [daemon] perform in
                try await perform(ChaosAct(kind: kind, daemon: daemon, length: length))
            }
        } catch let failure as CommandFailure {
            Terminal().note("Error: \(failure.description)")
            throw failure.status
        }
    }
}

/// How long something lasts.
struct ChaosLength: ParsableArguments {
    @Option(
        name: .customLong("for"),
        parsing: .unconditional,
        help: ArgumentHelp("How long, as in 10s or 2m.", valueName: "time"),
        transform: PauseArgument.flag
    )
    var value = PauseArgument(duration: .seconds(10))
}
