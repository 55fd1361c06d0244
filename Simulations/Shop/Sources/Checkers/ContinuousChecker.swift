import MartletCore
import MartletSimulation

/// Polls the invariants that must hold at every moment, also while faults are active.
struct ContinuousChecker: Sendable {
    private static let pollInterval = Duration.seconds(1)

    let world: ShopWorld
    let observations: ClientObservations

    /// Runs until its task is cancelled.
    func run() async throws {
        while true {
            try await world.time.sleep(for: Self.pollInterval)
            if let providerPayments = try? await StateSnapshot.providerPayments(in: world) {
                let captures = Dictionary(providerPayments.map { ($0.reference, $0.captures) }, uniquingKeysWith: +)
                for (order, count) in captures.sorted(by: { $0.key < $1.key }) where count > 1 {
                    observations.record(Violation(.chargedTwice, "captured \(count) times", of: order))
                }
            }
            if let stock = try? await StateSnapshot.stock(in: world) {
                for row in stock where row.available < 0 || row.onHand < 0 || row.available > row.onHand {
                    observations.record(
                        Violation(.oversold, "\(row.sku): \(row.available) available, \(row.onHand) on hand")
                    )
                }
            }
        }
    }
}
