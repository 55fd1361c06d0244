import MartletEventLog
import MartletHost
import MartletSQL
import Shop
import SimulatedCluster

/// How many rows a table of a service has at the end of a simulation of many days.
package struct TableSize: Sendable, Codable {
    package let service: String
    package let table: String
    package let rows: Int
    /// How long a row stays, in words.
    package let retention: String
}

extension TableSize {
    /// The sizes of all tables of the shop, in the order of the operators' guide.
    static func all(in stores: Stores) async throws -> [TableSize] {
        var sizes: [TableSize] = []
        let declared = ShopServices.all.map { ($0.name, $0.retentions + ServiceRuntime.toolkitRetentions) }
        for (service, retentions) in declared + [(Deployment.eventLogName, EventLog.retentions)] {
            guard let store = stores[service] else { continue }
            for retention in retentions {
                let query = SQLQuery(unchecked: "SELECT COUNT(*) FROM \(retention.table)")
                let rows = try await store.inspect { (tx: borrowing SQLTransaction) in
                    try tx.run(query).first?.int(0) ?? 0
                }
                sizes.append(
                    TableSize(service: service, table: retention.table, rows: rows, retention: retention.summary)
                )
            }
        }
        return sizes
    }
}
