import SimulatedDisk
import Synchronization

/// The backups of a cluster's databases, and which of them were restored.
package final class Backups: Sendable {
    private struct State {
        var images: [String: DiskImage] = [:]
        var restores: [String: Int] = [:]
        var isRestoring = false
    }

    private let state = Mutex(State())

    /// Whether a restore has begun and not ended.
    package var isRestoring: Bool { state.withLock { $0.isRestoring } }

    /// The databases that were restored, sorted.
    var restored: [String] { state.withLock { $0.restores.keys.sorted() } }

    /// How often a service's database was restored.
    package func restores(of service: String) -> Int { state.withLock { $0.restores[service] ?? 0 } }

    func image(of service: String) -> DiskImage? { state.withLock { $0.images[service] } }

    func add(_ image: DiskImage, of service: String) { state.withLock { $0.images[service] = image } }

    /// - Returns: False while another restore runs, and when this database was restored before.
    func begin(_ service: String) -> Bool {
        state.withLock { state in
            guard !state.isRestoring, state.restores[service] == nil else { return false }
            state.isRestoring = true
            return true
        }
    }

    /// Another database is in place.
    func count(_ service: String) { state.withLock { $0.restores[service, default: 0] += 1 } }

    func end() { state.withLock { $0.isRestoring = false } }
}
