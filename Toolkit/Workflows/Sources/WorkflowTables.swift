import MartletSQL

/// The tables of the module `workflows`.
///
/// `wake_at` is when a run may be claimed next: its timer's due time while it waits, the end of its lease while it
/// runs, NULL when only a signal can wake it. `by_clock` is 1 while the run waits for that time, and 0 when an event
/// has made it due, independent of the clock. Retention: ``WorkflowEngine/finishedRetention``.
enum WorkflowTables {
    static let migrations = [
        Migration(
            "workflows",
            1,
            [
                """
                CREATE TABLE workflow_runs (
                    id TEXT PRIMARY KEY, workflow TEXT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
                    input TEXT NOT NULL, output TEXT, error TEXT, principal TEXT NOT NULL, traceparent TEXT,
                    lease_owner TEXT, fence BIGINT NOT NULL, wake_at BIGINT, by_clock BIGINT NOT NULL, waiting_for TEXT,
                    attempts BIGINT NOT NULL, unknowns BIGINT NOT NULL, forced BIGINT NOT NULL,
                    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)
                """,
                "CREATE INDEX workflow_runs_due ON workflow_runs (wake_at, id) WHERE state = 'open'",
                "CREATE INDEX workflow_runs_listed ON workflow_runs (state, created_at, id)",
                "CREATE INDEX workflow_runs_aged ON workflow_runs (created_at, id)",
                """
                CREATE INDEX workflow_runs_standing ON workflow_runs (workflow, version, state)
                    WHERE state NOT IN ('completed', 'failed')
                """,
                """
                CREATE INDEX workflow_runs_ended ON workflow_runs (updated_at, id)
                    WHERE state NOT IN ('open', 'needs_human')
                """,
                """
                CREATE TABLE workflow_journal (
                    run TEXT NOT NULL, seq BIGINT NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL,
                    input_hash TEXT NOT NULL, state TEXT NOT NULL, result TEXT, generation BIGINT NOT NULL,
                    at BIGINT NOT NULL, PRIMARY KEY (run, seq))
                """,
                """
                CREATE TABLE workflow_signals (
                    run TEXT NOT NULL, seq BIGINT NOT NULL, name TEXT NOT NULL, payload TEXT NOT NULL,
                    consumed BIGINT, at BIGINT NOT NULL, PRIMARY KEY (run, seq))
                """,
            ]
        )
    ]
}
