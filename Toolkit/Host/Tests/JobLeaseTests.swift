import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletHost

@Suite("Lease of a job")
struct JobLeaseTests {
    private static let interval = Duration.seconds(60)

    let time = ManualTime()
    let database: SQLiteDatabase
    let job = Job("count", every: Self.interval) { _ in }

    init() async throws {
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(
            JobTables.migrations + [Migration("runs", 1, ["CREATE TABLE runs (run TEXT NOT NULL)"])]
        )
    }

    private func wait(_ instance: String) async throws -> Duration? {
        let job = job
        return try await database.read("wait") { tx in try JobLease.wait(for: job, instance: instance, in: tx) }
    }

    private func claim(_ instance: String) async throws -> JobLease? {
        let job = job
        return try await database.transaction("claim", options: .locking) { tx in
            try JobLease.claim(job, instance: instance, in: tx)
        }
    }

    /// The lease of the first run, which `one` has.
    private func firstLease() async throws -> JobLease {
        _ = try await claim("one")
        time.advance(by: Self.interval)
        return try #require(try await claim("one"))
    }

    private func run(_ lease: JobLease) -> JobRun {
        JobRun(id: "count/\(lease.dueAt.microseconds)", lease: lease, on: database)
    }

    @discardableResult
    private func insert(_ run: JobRun, ending: Bool = false) async throws -> [SQLRow] {
        let insert: @Sendable (borrowing SQLTransaction) throws -> [SQLRow] = { tx in
            try tx.run("INSERT INTO runs (run) VALUES (\(run.id))")
        }
        return try await ending ? run.finalTransaction("insert", insert) : run.transaction("insert", insert)
    }

    private func runs() async throws -> [String] {
        try await database.read("runs") { tx in try tx.run("SELECT run FROM runs").map { try $0.text(0) } }
    }

    @Test("is free for a new job after its interval")
    func new() async throws {
        #expect(try await wait("one") == nil)
        #expect(try await claim("one") == nil)
        #expect(try await wait("one") == Self.interval)
        time.advance(by: Self.interval - .milliseconds(1))
        #expect(try await claim("one") == nil)
        time.advance(by: .milliseconds(1))
        #expect(try await wait("one") == nil)
        #expect(try await claim("one")?.fencingToken == 1)
    }

    @Test("belongs to one replica until it ends, and to another one after that")
    func expiry() async throws {
        let first = try await firstLease()
        #expect(try await wait("two") == JobLease.length)
        time.advance(by: JobLease.length - .milliseconds(1))
        #expect(try await claim("two") == nil)
        time.advance(by: .milliseconds(1))
        let second = try #require(try await claim("two"))
        #expect(second.fencingToken == 2)
        #expect(second.dueAt == first.dueAt)
    }

    @Test("that another replica has taken: the former one commits nothing, and ends nothing")
    func fence() async throws {
        let first = try await firstLease()
        time.advance(by: JobLease.length)
        let second = try #require(try await claim("two"))
        await #expect(throws: JobLeaseLost(job: "count")) { try await insert(run(first)) }
        await #expect(throws: JobLeaseLost(job: "count")) { try await insert(run(first), ending: true) }
        try await database.transaction("end", options: .locking) { tx in try first.end(in: tx) }
        try await insert(run(second))
        #expect(try await runs() == ["count/\(first.dueAt.microseconds)"])
    }

    @Test("is renewed by each transaction of the run")
    func renewal() async throws {
        let first = try await firstLease()
        for _ in 1...3 {
            time.advance(by: JobLease.length - .milliseconds(1))
            try await insert(run(first))
        }
        #expect(try await claim("two") == nil)
        #expect(try await runs().count == 3)
    }

    @Test("ends with the run's last transaction: the job is due after its interval, and the run can write no more")
    func end() async throws {
        let first = run(try await firstLease())
        try await insert(first, ending: true)
        #expect(first.hasEnded)
        #expect(try await wait("two") == Self.interval)
        await #expect(throws: JobLeaseLost.self) { try await insert(first) }
        time.advance(by: Self.interval)
        let next = try #require(try await claim("two"))
        #expect(run(next).id != first.id)
    }

    @Test("of an instance that has started again is its own at once")
    func restart() async throws {
        let first = try await firstLease()
        #expect(try await wait("one") == nil)
        #expect(try await claim("one")?.fencingToken == 2)
        await #expect(throws: JobLeaseLost.self) { try await insert(run(first)) }
    }

    @Test("from before the clock was set back delays nothing")
    func clockSetBack() async throws {
        _ = try await firstLease()
        time.jumpDate(by: .seconds(-3_600))
        #expect(try await wait("two") == nil)
        #expect(try await claim("two")?.fencingToken == 2)
    }
}
