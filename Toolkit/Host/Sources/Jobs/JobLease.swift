import MartletCore
import MartletSQL

/// The lease of one run of a job, and the statements about it.
///
/// All times are of the database's clock.
struct JobLease: Sendable {
    /// How long a replica that does not renew its lease keeps it.
    static let length = Duration.seconds(30)

    let job: String
    let interval: Duration
    /// Rises with each run.
    let fencingToken: Int
    /// When the run was due: the same for every replica that attempts it.
    let dueAt: Timestamp

    /// How long nothing is to be done.
    ///
    /// - Returns: `nil` when the job is due and no other replica runs it, or the table does not have it.
    static func wait(for job: Job, instance: String, in tx: borrowing SQLTransaction) throws -> Duration? {
        let now = try tx.date
        let row = try tx.run("SELECT owner, lease_until, due_at FROM job_leases WHERE job = \(job.name)").first
        guard let row else { return nil }
        let (end, due) = (Timestamp(microseconds: try row.int64(1)), Timestamp(microseconds: try row.int64(2)))
        // What is further away than it can be was written before the clock was set back.
        let isFree = try ExactText(row.text(0)) == ExactText(instance) || end - now > length
        let waits = [due - now > job.interval ? .zero : due - now, isFree ? .zero : end - now]
        return waits.max().flatMap { $0 > .zero ? $0 : nil }
    }

    /// Takes the lease when the job is due and no other replica has it; adds a new job, which is due after its interval.
    ///
    /// An earlier process of the same instance has ended, or is fenced off.
    ///
    /// - Returns: `nil` when another replica has it, or it is not due.
    static func claim(_ job: Job, instance: String, in tx: borrowing SQLTransaction) throws -> JobLease? {
        let now = try tx.date
        let (end, next) = ((now + length).microseconds, (now + job.interval).microseconds)
        try tx.run(
            """
            INSERT INTO job_leases (job, owner, fence, lease_until, due_at) VALUES (\(job.name), '', 0, 0, \(next))
            ON CONFLICT (job) DO NOTHING
            """
        )
        let row = try tx.run(
            """
            UPDATE job_leases SET owner = \(instance), fence = fence + 1, lease_until = \(end)
            WHERE job = \(job.name) AND (due_at <= \(now.microseconds) OR due_at > \(next))
                AND (lease_until <= \(now.microseconds) OR lease_until > \(end) OR owner = \(instance))
            RETURNING fence, due_at
            """
        ).first
        return try row.map { row in
            JobLease(
                job: job.name,
                interval: job.interval,
                fencingToken: try row.int(0),
                dueAt: Timestamp(microseconds: try row.int64(1))
            )
        }
    }

    /// Renews the lease.
    ///
    /// - Throws: ``JobLeaseLost`` when a later run has begun, or this one has ended.
    func keep(in tx: borrowing SQLTransaction) throws {
        let kept = try tx.run(
            """
            UPDATE job_leases SET lease_until = \((tx.date + Self.length).microseconds)
            WHERE job = \(job) AND fence = \(fencingToken) AND lease_until > 0
            RETURNING fence
            """
        )
        guard !kept.isEmpty else { throw JobLeaseLost(job: job) }
    }

    /// Ends the run: the next one is due after the interval.
    ///
    /// A repeat, and a run that has lost its lease, change nothing.
    func end(in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE job_leases SET lease_until = 0, due_at = \((tx.date + interval).microseconds)
            WHERE job = \(job) AND fence = \(fencingToken) AND lease_until > 0
            """
        )
    }
}
