import MartletSQL

/// The table of the module `jobs`: which replica runs a job, and when it is due.
enum JobTables {
    static let migrations = [
        Migration(
            "jobs",
            1,
            [
                """
                CREATE TABLE job_leases (
                    job TEXT PRIMARY KEY, owner TEXT NOT NULL, fence BIGINT NOT NULL, lease_until BIGINT NOT NULL,
                    due_at BIGINT NOT NULL)
                """
            ]
        )
    ]

    static let retentions = [TableRetention("job_leases", .permanent(bound: "one for each job"))]
}
