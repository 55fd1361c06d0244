import Logging
import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@Suite("Group writer")
struct GroupWriterTests {
    let connection = ScriptedConnection()
    let time = ManualTime()
    let unknown = SQLError(.outcomeUnknown, code: "10", message: "")
    let constraint = SQLError(.constraint, code: "19", message: "")
    let warnings = Warnings()
    let conflict = SQLError(.conflict, code: "5", message: "")

    /// Runs one body per text, which executes it as a statement, in this order and all in one queue.
    ///
    /// Bodies that begin with "notify" notify the channel `changes`, and those that end with "refuse" throw; "slow" and
    /// "migrate" take a second; the caller of "late" has stopped waiting.
    ///
    /// - Returns: The callers' outcomes, sorted.
    func write(_ texts: [StaticString], limit: Int = 128) async -> (outcomes: [String], statistics: SQLStatistics) {
        var limits = GroupCommit.Limits()
        limits.bodies = limit
        let (time, outcomes) = (time, Outcomes())
        let writer = GroupWriter(time: time, limits: limits, log: Logger(label: "test") { _ in warnings })
        await withTaskGroup(of: Void.self) { group in
            let (jobs, handOver) = AsyncStream<SQLJob>.makeStream()
            for text in texts {
                group.addTask {
                    do {
                        try await withUnsafeThrowingContinuation { continuation in
                            var options = SQLOptions(deadline: "\(text)" == "late" ? time.now : nil)
                            options.isMigration = "\(text)" == "migrate"
                            let job = SQLJob(text, options: options, time: time, resuming: continuation) { tx in
                                try tx.run(SQLQuery(unchecked: "\(text)"))
                                if "\(text)".hasPrefix("notify") { tx.notify(SQLChannel("changes")) }
                                if "\(text)".hasSuffix("refuse") { throw CancellationError() }
                                if ["slow", "migrate"].contains("\(text)") { time.advance(by: .seconds(1)) }
                            }
                            handOver.yield(job)
                        }
                        outcomes.record("\(text)")
                    } catch let error as SQLError {
                        outcomes.record("\(text): \(error.kind)")
                    } catch {
                        outcomes.record("\(text): refused")
                    }
                }
            }
            var waiting: [SQLJob] = []
            for await job in jobs {
                waiting.append(job)
                if waiting.count == texts.count { break }
            }
            let order = texts.map { "\($0)" }
            waiting.sort { order.firstIndex(of: "\($0.name)") ?? 0 < order.firstIndex(of: "\($1.name)") ?? 0 }
            while !waiting.isEmpty {
                let first = waiting.removeFirst()
                writer.write(first, next: { waiting.isEmpty ? nil : waiting.removeFirst() }, on: connection)
            }
        }
        return (outcomes.list.sorted(), writer.statistics)
    }

    /// How often the control statement was executed.
    func count(of control: SQLControl) -> Int { connection.executed.count { $0 == "\(control)" } }

    @Test("commits a single body without a savepoint")
    func single() async {
        let (outcomes, statistics) = await write(["a"])
        #expect(outcomes == ["a"])
        #expect(connection.executed == ["begin", "a", "commit"])
        #expect(statistics.transactions == 1)
        #expect(statistics.transactionsByName == ["a": 1])
    }

    @Test("commits all waiting bodies in one commit")
    func together() async {
        let (outcomes, statistics) = await write(["a", "b", "c"])
        #expect(outcomes == ["a", "b", "c"])
        #expect(connection.begins == 1 && count(of: .commit) == 1)
        #expect(count(of: .savepoint) == 2 && count(of: .releaseSavepoint) == 2)
        #expect(statistics.transactions == 3 && statistics.commits == 1 && statistics.reruns == 0)
    }

    @Test("bodies beyond the batch limit: further commits")
    func limit() async {
        let (outcomes, statistics) = await write(["a", "b", "c", "d", "e"], limit: 2)
        #expect(outcomes == ["a", "b", "c", "d", "e"])
        #expect(statistics.commits == 3)
    }

    @Test("undoes only the failed bodies of a batch")
    func refused() async {
        let (outcomes, statistics) = await write(["a", "refuse", "forbidden", "b"])
        #expect(outcomes == ["a", "b", "forbidden: constraint", "refuse: refused"])
        #expect(statistics.transactions == 2)
        #expect(statistics.reruns == 0)
    }

    @Test("notifies once what the committed bodies of a batch notify, directly before the commit")
    func notifies() async {
        _ = await write(["notify", "notify again", "notify and refuse"])
        #expect(connection.executed.suffix(2) == ["notify [changes]", "commit"])
        #expect(connection.executed.count { $0 == "notify [changes]" } == 1)
    }

    @Test("bodies that fail notify no one")
    func refusedNotification() async {
        _ = await write(["notify and refuse"])
        _ = await write(["a", "notify and refuse"])
        #expect(!connection.executed.contains("notify [changes]"))
    }

    @Test("a body whose caller has stopped waiting begins no batch and takes no place in one")
    func late() async {
        let (alone, _) = await write(["late"])
        #expect(alone == ["late: refused"])
        #expect(connection.executed.isEmpty)
        let (outcomes, statistics) = await write(["a", "late", "b"], limit: 2)
        #expect(outcomes == ["a", "b", "late: refused"])
        #expect(connection.executed == ["begin", "a", "savepoint", "b", "releaseSavepoint", "commit"])
        #expect(statistics.transactions == 2)
    }

    @Test("a body ended the transaction: reruns all bodies individually")
    func endedTransaction() async {
        let (outcomes, statistics) = await write(["a", "end", "b"])
        #expect(outcomes == ["a", "b", "end: misuse"])
        #expect(statistics.transactions == 2 && statistics.reruns == 2)
    }

    @Test("a body that is interrupted fails with that, and the others of its batch run again in commits of their own")
    func interrupted() async {
        let (outcomes, statistics) = await write(["a", "endless", "b"])
        #expect(outcomes == ["a", "b", "endless: interrupted"])
        #expect(connection.executed.count { $0 == "endless" } == 1)
        #expect(statistics.transactions == 2 && statistics.reruns == 1)
        #expect(!connection.inTransaction)
        let (alone, _) = await write(["endless"])
        #expect(alone == ["endless: interrupted"])
    }

    @Test("disk full: fails all bodies with that, reruns none")
    func full() async {
        let (outcomes, statistics) = await write(["a", "full"])
        #expect(outcomes == ["a: full", "full: full"])
        #expect(statistics.commits == 0 && statistics.reruns == 0)
        #expect(!connection.inTransaction)
    }

    @Test("commit with an unknown outcome: fails all bodies with it, reruns none")
    func unknownOutcome() async {
        connection.failures[.commit] = [unknown]
        let (outcomes, statistics) = await write(["a", "b"])
        #expect(outcomes == ["a: outcomeUnknown", "b: outcomeUnknown"])
        #expect(connection.executed.count { $0 == "a" } == 1)
        #expect(statistics.transactions == 0 && statistics.reruns == 0)
        #expect(!connection.inTransaction)
    }

    @Test("constraint violated at the commit: reruns all bodies individually")
    func violatedConstraint() async {
        connection.failures[.commit] = [constraint, nil, constraint]
        let (outcomes, statistics) = await write(["a", "a"])
        #expect(outcomes == ["a", "a: constraint"])
        #expect(statistics.transactions == 1 && statistics.reruns == 2)
    }

    @Test("begin fails: fails all waiting bodies")
    func failedBegin() async {
        connection.beginFailures = [unknown]
        let (outcomes, _) = await write(["a", "b", "c"])
        #expect(outcomes == ["a: outcomeUnknown", "b: outcomeUnknown", "c: outcomeUnknown"])
        #expect(connection.executed == ["begin"])
    }

    @Test("conflict at begin: fails all waiting bodies with it, and does not hold the writer")
    func beginConflict() async {
        connection.beginFailures = [conflict]
        let (outcomes, _) = await write(["a", "b"])
        #expect(outcomes == ["a: conflict", "b: conflict"])
        #expect(connection.executed == ["begin"])
    }

    @Test("a body that conflicts fails with it, and the others of its batch run again in commits of their own")
    func bodyConflict() async {
        let (outcomes, statistics) = await write(["a", "conflict", "b"])
        #expect(outcomes == ["a", "b", "conflict: conflict"])
        #expect(connection.executed.count { $0 == "conflict" } == 1)
        #expect(statistics.transactions == 2 && statistics.reruns == 1)
    }

    @Test("conflict at the commit of several bodies: reruns each; at the commit of one: fails it")
    func commitConflict() async {
        connection.failures[.commit] = [conflict, nil, conflict]
        let (outcomes, statistics) = await write(["a", "b"])
        #expect(outcomes == ["a", "b: conflict"])
        #expect(connection.executed.count { $0 == "a" } == 2)
        #expect(statistics.transactions == 1 && statistics.reruns == 2)
    }

    @Test("release of a savepoint fails: reruns all bodies individually")
    func brokenSavepoint() async {
        connection.failures[.releaseSavepoint] = [constraint]
        let (outcomes, statistics) = await write(["a", "b"])
        #expect(outcomes == ["a", "b"])
        #expect(statistics.transactions == 2 && statistics.commits == 2 && statistics.reruns == 2)
    }

    @Test("logs a slow body, but not a slow migration")
    func slow() async {
        let (outcomes, _) = await write(["a", "migrate", "slow"], limit: 1)
        #expect(outcomes == ["a", "migrate", "slow"])
        #expect(warnings.transactions == ["slow"])
    }
}

/// Records the transactions of logged warnings.
struct Warnings: LogHandler {
    private final class Storage: Sendable {
        let transactions = Mutex<[String]>([])
    }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    private let storage = Storage()

    var transactions: [String] { storage.transactions.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        storage.transactions.withLock { $0.append(event.metadata?["transaction"].map { "\($0)" } ?? "") }
    }
}
