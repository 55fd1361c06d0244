import MartletCore
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Loop of a job")
struct JobLoopTests {
    private static let interval = Duration.seconds(24 * 3_600)

    let time = ManualTime()
    let database: SQLiteDatabase

    init() async throws {
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(JobTables.migrations)
    }

    /// The loop of a job, from its first due time on.
    private func dueLoop(_ body: @escaping @Sendable (JobRun) async throws -> Void) async throws -> JobLoop {
        let clock = ClockWatch(time: time, metrics: MetricsRegistry(service: "s"))
        let job = Job("count", every: Self.interval, body)
        let loop = JobLoop(job, on: database, instance: "one", clock: clock, time: time)
        _ = try await loop.step()
        time.advance(by: Self.interval)
        return loop
    }

    @Test("runs a job that was due while the clock was not trusted as soon as it is, not an interval later")
    func jump() async throws {
        let runs = Mutex(0)
        let loop = try await dueLoop { _ in runs.withLock { $0 += 1 } }
        time.jumpDate(by: .seconds(10))
        let pause = try await loop.step()
        #expect(pause == ClockWatch.suspension)
        #expect(runs.withLock { $0 } == 0)
        time.advance(by: pause)
        #expect(try await loop.step() == Self.interval)
        #expect(runs.withLock { $0 } == 1)
    }

    @Test("continues after a run that ends with the cancellation of something that it has waited for")
    func cancelled() async throws {
        let runs = Mutex(0)
        let loop = try await dueLoop { _ in
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            if isFirst { throw CancellationError() }
        }
        #expect(try await loop.step() == JobLoop.retryDelayMax)
        #expect(try await loop.step() == Self.interval)
        #expect(runs.withLock { $0 } == 2)
    }

    @Test("looks at the lease of the replica that has taken the job: it may end before its run does")
    func lost() async throws {
        let database = database
        let runs = Mutex(0)
        let loop = try await dueLoop { run in
            let isFirst = runs.withLock { runs in
                runs += 1
                return runs == 1
            }
            guard isFirst else { return }
            // Another replica takes the job, and ends at once.
            try await database.transaction("take") { tx in
                let end = (try tx.date + JobLease.length).microseconds
                try tx.run("UPDATE job_leases SET owner = 'two', fence = fence + 1, lease_until = \(end)")
            }
            try await run.transaction("write") { _ in }
        }
        #expect(try await loop.step() == .zero)
        #expect(try await loop.step() == JobLease.length)
        time.advance(by: JobLease.length)
        #expect(try await loop.step() == Self.interval)
        #expect(runs.withLock { $0 } == 2)
    }
}
