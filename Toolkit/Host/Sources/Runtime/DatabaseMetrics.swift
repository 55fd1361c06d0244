public import MartletSQL
public import MartletTelemetry

extension MetricsRegistry {
    /// Registers the counts of a service's database: logical transactions by name, physical commits, reruns, the
    /// figures of its connections, and the size of its log.
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
        read("martlet_sql_connections", help: "Open connections to the database.") {
            Double(database.pool.connections)
        }
        read("martlet_sql_connections_in_use", help: "Connections that run a transaction's body, or commit.") {
            Double(database.pool.inUse)
        }
        read("martlet_sql_waiting", help: "Transactions that wait for a connection.") {
            Double(database.pool.waiting)
        }
        read("martlet_sql_log_bytes", help: "Bytes of the write-ahead log that are not free for new commits yet.") {
            Double(database.statistics.logBytes)
        }
    }
}
