import Logging
import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@Suite("A group writer")
struct GroupWriterTests {
    let connection = ScriptedConnection()
    let time = ManualTime()
    let unknown = SQLError(.outcomeUnknown, code: "10", message: "")
    let constraint = SQLError(.constraint, code: "19", message: "")
    let warnings = Warnings()
    let conflict = SQLError(.conflict, code: "5", message: "")

    /// Runs one body per text, which runs it as a statement, in this order and all waiting together.
    ///
    /// Those named "slow" and "migrate" take a second.
    ///
    /// Returns what the callers heard, sorted.
    func write(_ texts: [StaticString], limit: Int = 128) async -> (answers: [String], statistics: SQLStatistics) {
        var limits = GroupCommit.Limits()
        limits.bodies = limit
        let (time, answers) = (time, Answers())
        let writer = GroupWriter(time: time, limits: limits, log: Logger(label: "test") { _ in warnings })
        await withTaskGroup(of: Void.self) { group in
            let (jobs, handOver) = AsyncStream<SQLJob>.makeStream()
            for text in texts {
                group.addTask {
                    do {
                        try await withCheckedThrowingContinuation { continuation in
                            let job = SQLJob(text, deadline: nil, time: time, answer: continuation) { tx in
                                try tx.run(SQLQuery(unchecked: "\(text)"))
                                if "\(text)" == "refuse" { throw CancellationError() }
                                if ["slow", "migrate"].contains("\(text)") { time.advance(by: .seconds(1)) }
                            }
                            handOver.yield(job)
                        }
                        answers.note("\(text)")
                    } catch let error as SQLError {
                        answers.note("\(text): \(error.kind)")
                    } catch {
                        answers.note("\(text): refused")
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
        return (answers.list.sorted(), writer.statistics)
    }

    /// How often each control statement was said.
    func said(_ control: SQLControl) -> Int { connection.said.count { $0 == "\(control)" } }

    @Test("commits a lone body without a savepoint")
    func lone() async {
        let (answers, statistics) = await write(["a"])
        #expect(answers == ["a"])
        #expect(connection.said == ["begin", "a", "commit"])
        #expect(statistics.transactions == 1)
        #expect(statistics.transactionsByName == ["a": 1])
    }

    @Test("commits once for all that wait together")
    func together() async {
        let (answers, statistics) = await write(["a", "b", "c"])
        #expect(answers == ["a", "b", "c"])
        #expect(said(.begin) == 1 && said(.commit) == 1 && said(.savepoint) == 2 && said(.releaseSavepoint) == 2)
        #expect(statistics.transactions == 3 && statistics.commits == 1 && statistics.reruns == 0)
    }

    @Test("commits again for those beyond the limit of a batch")
    func limit() async {
        let (answers, statistics) = await write(["a", "b", "c", "d", "e"], limit: 2)
        #expect(answers == ["a", "b", "c", "d", "e"])
        #expect(statistics.commits == 3)
    }

    @Test("undoes a refused body alone")
    func refused() async {
        let (answers, statistics) = await write(["a", "refuse", "forbidden", "b"])
        #expect(answers == ["a", "b", "forbidden: constraint", "refuse: refused"])
        #expect(statistics.transactions == 2)
        #expect(statistics.reruns == 0)
    }

    @Test("runs everybody alone after a body that ended the transaction")
    func spoilt() async {
        let (answers, statistics) = await write(["a", "spoil", "b"])
        #expect(answers == ["a", "b", "spoil: misuse"])
        #expect(statistics.transactions == 2 && statistics.reruns == 2)
    }

    @Test("answers everybody unavailable when the disk is full, and runs nothing again")
    func full() async {
        let (answers, statistics) = await write(["a", "full"])
        #expect(answers == ["a: unavailable", "full: unavailable"])
        #expect(statistics.commits == 0 && statistics.reruns == 0)
        #expect(!connection.inTransaction)
    }

    @Test("answers everybody that the outcome is unknown when the commit broke, and runs nothing again")
    func unknownOutcome() async {
        connection.failures[.commit] = [unknown]
        let (answers, statistics) = await write(["a", "b"])
        #expect(answers == ["a: outcomeUnknown", "b: outcomeUnknown"])
        #expect(connection.said.count { $0 == "a" } == 1)
        #expect(statistics.transactions == 0 && statistics.reruns == 0)
        #expect(!connection.inTransaction)
    }

    @Test("runs everybody alone when the commit breaks a rule of the data")
    func forbiddenCommit() async {
        connection.failures[.commit] = [constraint, nil, constraint]
        let (answers, statistics) = await write(["a", "a"])
        #expect(answers == ["a", "a: constraint"])
        #expect(statistics.transactions == 1 && statistics.reruns == 2)
    }

    @Test("answers everybody who waits when nothing can be begun")
    func nothingBegins() async {
        connection.failures[.begin] = [unknown]
        let (answers, _) = await write(["a", "b", "c"])
        #expect(answers == ["a: outcomeUnknown", "b: outcomeUnknown", "c: outcomeUnknown"])
        #expect(connection.said == ["begin"])
    }

    @Test("begins again when another program is in the way")
    func inTheWay() async {
        connection.failures[.begin] = [conflict, conflict]
        let (answers, statistics) = await write(["a", "b"])
        #expect(answers == ["a", "b"])
        #expect(said(.begin) == 3)
        #expect(statistics.commits == 1)
    }

    @Test("runs everybody again when another program was in the way of the commit")
    func commitInTheWay() async {
        connection.failures[.commit] = [conflict]
        let (answers, statistics) = await write(["a", "b"])
        #expect(answers == ["a", "b"])
        #expect(connection.said.count { $0 == "a" } == 2)
        #expect(statistics.transactions == 2 && statistics.reruns == 2)
    }

    @Test("answers a conflict after its last attempt")
    func alwaysInTheWay() async {
        connection.failures[.begin] = Array(repeating: conflict, count: GroupCommit.Limits().attempts)
        let (answers, _) = await write(["a", "b"])
        #expect(answers == ["a: conflict", "b: conflict"])
        #expect(said(.begin) == GroupCommit.Limits().attempts)
    }

    @Test("runs everybody alone when the end of a savepoint fails")
    func brokenSavepoint() async {
        connection.failures[.releaseSavepoint] = [constraint]
        let (answers, statistics) = await write(["a", "b"])
        #expect(answers == ["a", "b"])
        #expect(statistics.transactions == 2 && statistics.commits == 2 && statistics.reruns == 2)
    }

    @Test("warns of a body that holds others up, but not of a migration, which comes before them")
    func slow() async {
        let (answers, _) = await write(["a", "migrate", "slow"], limit: 1)
        #expect(answers == ["a", "migrate", "slow"])
        #expect(warnings.transactions == ["slow"])
    }
}

/// Which transactions were warned of.
struct Warnings: LogHandler {
    private final class Notes: Sendable {
        let transactions = Mutex<[String]>([])
    }

    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    private let notes = Notes()

    var transactions: [String] { notes.transactions.withLock { $0 } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        notes.transactions.withLock { $0.append(event.metadata?["transaction"].map { "\($0)" } ?? "") }
    }
}
