import MartletSQL

/// The views of workflow runs for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum WorkflowAuditViews {
    static let migrations = [
        Migration(
            "workflows.audit",
            1,
            [
                """
                CREATE VIEW audit_workflow_runs AS
                    SELECT id AS run_id, workflow, version, state, attempts, error, created_at, updated_at
                    FROM workflow_runs
                """
            ]
        )
    ]
}
