public import MartletSQL
public import MartletTelemetry

extension MetricsRegistry {
    /// Registers the counts of a service's database: logical transactions by name, physical commits, reruns.
    public func readCounts(of database: any SQLDatabase) {
        readTotals(
            "martlet_sql_transactions_total",
            help: "Logical transactions committed, by name.",
            label: "name"
        ) {
            database.statistics.transactionsByName
        }
        readTotal("martlet_sql_commits_total", help: "Physical commits.") {
            Double(database.statistics.commits)
        }
        readTotal(
            "martlet_sql_reruns_total",
            help: "Transaction bodies rerun because another one failed their batch."
        ) {
            Double(database.statistics.reruns)
        }
    }
}
