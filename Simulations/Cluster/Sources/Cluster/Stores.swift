import MartletSimulation
import MartletTesting
import SimulatedDisk
import Synchronization

/// The databases of all services, each on its simulated disk.
package final class Stores: Sendable {
    private let stores: [String: Store]
    private let faults: FaultInjector
    /// Errors of databases that did not open, by service.
    private let openErrors = Mutex<[String: String]>([:])
    /// The disk errors that are already counted as faults.
    private let diskErrors = Mutex((failed: 0, full: 0))

    /// - Parameters:
    ///   - deployments: The services; their order decides which random numbers their disks get.
    ///   - templates: The initial disks, by service.
    init(
        of deployments: [Deployment],
        templates: [String: DiskImage],
        faults: FaultInjector,
        entropy: SeededEntropy
    ) {
        var stores: [String: Store] = [:]
        for deployment in deployments {
            stores[deployment.name] = Store(templates[deployment.name] ?? DiskImage(), entropy: entropy.fork())
        }
        self.stores = stores
        self.faults = faults
    }

    package subscript(service: String) -> Store? { stores[service] }

    /// The services, sorted.
    package var names: [String] { stores.keys.sorted() }

    /// The services whose database is not open, with the cause.
    var missing: [String] {
        openErrors.withLock {
            $0.sorted { $0.key < $1.key }.map { "\($0.key): its database did not open: \($0.value)" }
        }
    }

    /// Opens a store for the machine that owns it; the machine crashes when its disk fails to sync.
    func open(_ name: String, for machine: Machine) {
        guard let store = stores[name] else { return }
        do {
            try store.open(time: machine.time) { [faults] _ in
                faults.count(.syncFailure)
                machine.crash()
            }
            _ = openErrors.withLock { $0.removeValue(forKey: name) }
        } catch {
            // A disk error meanwhile is one of the faults; the next start retries.
            openErrors.withLock { $0[name] = "\(error)" }
            machine.crash()
        }
    }

    /// Ends the processes that own them.
    ///
    /// - Parameter survival: Which unsynced writes survive; `nil` when only the processes end.
    func losePower(_ survival: Survival?) {
        for name in names {
            stores[name]?.kill()
            if let survival { stores[name]?.losePower(survival) }
        }
    }

    /// Ends the processes that own them, and deletes all files.
    func erase() { for name in names { stores[name]?.restore(DiskImage()) } }

    /// Counts the disk errors since the last call as faults.
    package func countErrors() {
        var all = (failed: 0, full: 0)
        for counts in stores.values.map(\.disk.counts) {
            all.failed += [.readError, .writeError, .shortWrite].reduce(0) { $0 + (counts.faults[$1] ?? 0) }
            all.full += counts.full
        }
        let before = diskErrors.withLock { counted in
            defer { counted = all }
            return counted
        }
        for _ in before.failed..<all.failed { faults.count(.diskError) }
        for _ in before.full..<all.full { faults.count(.diskFull) }
    }

    /// Ends the faults of all disks.
    package func heal() { for store in stores.values { store.disk.cancelPlannedFaults() } }
}
