import MartletCore
import MartletSQL
import MartletTestContract
import SimulatedCluster
import SwiftProtobuf
import Synchronization

/// Clients that create parcels, with the ids that were acknowledged to them.
final class ParcelClients: Sendable {
    private static let clients = 2
    private static let principal = Principal(user: "client", scopes: ["parcels:write"])

    private let parcelsOfClient: Int
    private let acknowledged = Mutex<[String]>([])

    /// - Parameter parcels: How many each client creates, within about as many seconds.
    init(parcels: Int) { parcelsOfClient = parcels }

    func work(in world: RunningWorld) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.clients { group.addTask { try await self.create(in: world) } }
            try await group.waitForAll()
        }
    }

    /// Each acknowledged parcel is stored, and no other.
    func storedViolations(in world: RunningWorld) async throws -> [String] {
        let stored = try await world.read("parcels") { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT parcel_id FROM created_parcels").map { try $0.text(0) }
        }
        let acknowledged = acknowledged.withLock { $0 }
        guard stored.sorted() != acknowledged.sorted() else { return [] }
        return ["\(acknowledged.count) parcels were acknowledged, \(stored.count) are stored"]
    }

    /// Each stored parcel was counted once by its event.
    func countedViolations(in world: RunningWorld) async throws -> [String] {
        let stored = try await world.read("parcels") { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT COUNT(*) FROM created_parcels").first?.int(0)
        }
        let counted = try await world.read("shelves") { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT COALESCE(SUM(parcels), 0) FROM shelf_counts").first?.int(0)
        }
        return stored == counted ? [] : ["\(stored ?? 0) parcels are stored, \(counted ?? 0) were counted"]
    }

    private func create(in world: RunningWorld) async throws {
        let parcels = ParcelClient(over: world.channel(to: "parcels"))
        let request = CreateParcelRequest.with {
            $0.parcel = .with {
                $0.shelf = "north"
                $0.size = .small
                $0.items = [
                    .with {
                        $0.name = "a book"
                        $0.quantity = 1
                    }
                ]
            }
        }
        for _ in 0..<parcelsOfClient {
            try await world.sleep(upTo: .seconds(2))
            let response = try await world.retrying(as: Self.principal) {
                try await parcels.createParcel(request, context: $0)
            }
            acknowledged.withLock { $0.append(response.parcel.parcelID) }
        }
    }
}
