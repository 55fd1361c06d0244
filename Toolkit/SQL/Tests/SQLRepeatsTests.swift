import Logging
import MartletCore
import MartletSQL
import MartletTesting
import Testing

@Suite("Repeats of a body that conflicts", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SQLRepeatsTests {
    let time = ManualTime()
    let runs = Outcomes()
    let conflict = SQLError(.conflict, code: "40001", message: "")

    func repeats(attempts: Int = SQLRepeats.Limits().attempts) -> SQLRepeats {
        var limits = SQLRepeats.Limits()
        limits.attempts = attempts
        return SQLRepeats(limits: limits, runtime: Runtime(time: time, seed: 1))
    }

    /// Runs a body that conflicts `conflicts` times; each pause ends when it has begun.
    ///
    /// - Returns: How often it ran.
    func run(conflicts: Int, _ repeats: SQLRepeats, until deadline: Moment? = nil) async throws -> Int {
        let (time, runs, conflict) = (time, runs, conflict)
        return try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                try await repeats.run(until: deadline) {
                    runs.record("run")
                    guard runs.list.count > conflicts else { throw conflict }
                    return runs.list.count
                }
            }
            group.addTask {
                await Self.pass(time)
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    @Test("runs again up to the limit of attempts, which is at least 8")
    func limit() async throws {
        let attempts = SQLRepeats.Limits().attempts
        #expect(attempts >= 8)
        #expect(try await run(conflicts: attempts - 1, repeats()) == attempts)
    }

    @Test("a connection conflicts at the commit: the body runs again until it commits", arguments: [1, 11])
    func connection(conflicts: Int) async throws {
        let (time, connection) = (time, ScriptedConnection())
        connection.failures[.commit] = Array(repeating: conflict, count: conflicts)
        let writer = GroupWriter(
            time: time,
            limits: GroupCommit.Limits(),
            log: Logger(label: "test") { _ in Warnings() }
        )
        async let _: Void = Self.pass(time)
        let result = try await repeats().run(until: nil) {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Int, any Error>) in
                let job = SQLJob("a", options: SQLOptions(), time: time, resuming: continuation) { tx in
                    try tx.run("a").count
                }
                writer.write(job, next: { nil }, on: connection)
            }
        }
        #expect(result == 0)
        #expect(connection.begins == conflicts + 1)
        #expect(writer.statistics.transactions == 1)
        #expect(!connection.inTransaction)
    }

    /// Ends each pause as soon as it has begun, until the task is cancelled.
    private static func pass(_ time: ManualTime) async {
        while !Task.isCancelled {
            time.advanceToNextSleeper()
            await Task.yield()
        }
    }

    @Test("one conflict more than the limit is thrown")
    func beyond() async {
        let error = await #expect(throws: SQLError.self) { try await run(conflicts: 8, repeats(attempts: 8)) }
        #expect(error?.kind == .conflict)
        #expect(runs.list.count == 8)
    }

    @Test("a pause that would reach the deadline is not begun")
    func deadline() async {
        let deadline = time.now + .milliseconds(200)
        let error = await #expect(throws: SQLError.self) {
            try await run(conflicts: 100, repeats(attempts: 100), until: deadline)
        }
        #expect(error?.kind == .conflict)
        #expect(runs.list.count > 1 && runs.list.count < 100)
        #expect(time.now < deadline)
    }

    @Test("another error is thrown at once")
    func others() async {
        let runs = runs
        await #expect(throws: CancellationError.self) {
            try await repeats().run(until: nil) { () async throws -> Int in
                runs.record("run")
                throw CancellationError()
            }
        }
        #expect(runs.list.count == 1)
    }

    @Test("a pause of a cancelled task ends with the conflict: nothing was committed")
    func cancelled() async {
        let (repeats, conflict, time) = (repeats(), conflict, time)
        await withTaskGroup(of: SQLError.Kind?.self) { group in
            group.addTask {
                do {
                    return try await repeats.run(until: nil) { () async throws -> SQLError.Kind in throw conflict }
                } catch {
                    return (error as? SQLError)?.kind
                }
            }
            await time.waitForSleepers()
            group.cancelAll()
            #expect(await group.next() == .some(.some(.conflict)))
        }
    }
}
