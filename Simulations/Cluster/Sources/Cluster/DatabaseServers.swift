import MartletSimulation
import Synchronization

/// The machines of a cluster's database servers, by service; none where each process owns its file.
final class DatabaseServers: Sendable {
    private let simulation: Simulation
    private let stores: Stores
    private let servers = Mutex<[String: Machine]>([:])

    init(in simulation: Simulation, stores: Stores) {
        self.simulation = simulation
        self.stores = stores
    }

    /// The server of a service; `nil` when it has none.
    subscript(service: String) -> Machine? { servers.withLock { $0[service] } }

    /// All servers, also crashed ones, by service.
    var machines: [Machine] { servers.withLock { $0.sorted { $0.key < $1.key }.map(\.value) } }

    func start(for service: String) {
        guard stores[service] != nil else { return }
        let server = Machine("\(service)-database", in: simulation)
        servers.withLock { $0[service] = server }
        stores.open(service, for: server)
    }

    /// Starts the servers that have crashed.
    func startMissing() {
        for (name, server) in servers.withLock({ $0.sorted { $0.key < $1.key } }) where !server.isUp {
            start(for: name)
        }
    }

    /// Ends a server, when there are any: it is unavailable to its replicas then.
    ///
    /// - Returns: False when there is none.
    func kill(choice: UInt64) -> Bool {
        guard let (name, server) = running(choice) else { return false }
        server.crash()
        stores[name]?.kill()
        return true
    }

    /// A server that runs, when there are any.
    func machine(choice: UInt64) -> Machine? { running(choice)?.server }

    private func running(_ choice: UInt64) -> (name: String, server: Machine)? {
        let running = servers.withLock { $0.filter(\.value.isUp).sorted { $0.key < $1.key } }
        guard !running.isEmpty else { return nil }
        let (name, server) = running[Int(choice % UInt64(running.count))]
        return (name, server)
    }
}
