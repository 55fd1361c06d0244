import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedDisk

/// A database is backed up, and later an operator restores the backup; at most once in a world.
struct RestoreFault: Sendable {
    private let fault: SimulatedFault
    private let service: String
    private let cluster: Cluster
    private let entropy: SeededEntropy

    init(_ fault: SimulatedFault, of service: String, on cluster: Cluster, entropy: SeededEntropy) {
        self.fault = fault
        self.service = service
        self.cluster = cluster
        self.entropy = entropy
    }

    /// Takes the backup the first time, and restores it the second time; counts the fault then.
    func inject() async {
        guard cluster.faults.isActive, let store = cluster.stores[service] else { return }
        guard let backup = cluster.backups.image(of: service) else {
            return cluster.backups.add(store.disk.image, of: service)
        }
        guard cluster.backups.begin(service) else { return }
        defer { cluster.backups.end() }
        let isInOrder = entropy.number(below: 2) == 0
        do {
            if fault == .logRestored {
                // The log is lost, and has no backup.
                let isLost = entropy.number(below: 2) == 0
                try await cluster.restoreLog(isLost ? nil : backup, endingInOrder: isInOrder)
            } else {
                try await cluster.restore(service, backup, endingInOrder: isInOrder, entropy: entropy.fork())
            }
            cluster.faults.count(fault)
        } catch is CancellationError {
            // The world ends.
        } catch {
            cluster.report("\(service) cannot be restored: \(error)")
        }
    }
}
