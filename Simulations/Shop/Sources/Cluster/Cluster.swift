import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedDisk
import Synchronization

/// Every service of the shop on its own machines, with network and disks: who runs, and what ends them.
final class Cluster: Sendable {
    let simulation: Simulation
    let topology: DeploymentShape
    let variant: Scenario.Variant
    let faults: FaultInjector
    let entropy: SeededEntropy
    let network: SimulatedNetwork
    let stores: Stores
    let servers: DatabaseServers
    let slots: ReplicaSlots
    /// The planned crashes; `nil` when the fault scheduler injects faults.
    let crashSchedule: CrashSchedule?
    private let failures = Mutex<[String]>([])

    /// - Parameter templates: The initial disks, by service.
    init(
        _ plan: WorldPlan,
        in simulation: Simulation,
        templates: [String: DiskImage],
        faults: FaultInjector,
        entropy: SeededEntropy
    ) {
        self.simulation = simulation
        self.faults = faults
        self.entropy = entropy
        topology = plan.topology
        variant = plan.variant
        crashSchedule = plan.crashSchedule
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: entropy.fork())
        stores = Stores(templates, faults: faults, entropy: entropy)
        servers = DatabaseServers(in: simulation, stores: stores)
        slots = ReplicaSlots(plan.topology, replicas: plan.replicas)
    }

    /// The network name of the service's operator contracts.
    static func operators(of service: String) -> String { "\(service)-operators" }

    /// The machines that run now, in the order of the deployments.
    var machines: [Machine] { slots.machines }

    /// Failures of the processes themselves: an endless loop that ended.
    var reports: [String] { failures.withLock { $0 } }

    /// What explains a run that does not end: databases that are not open, and the most frequent failures of calls.
    var diagnosis: [String] { stores.missing + network.reasons.prefix(6).map { "\($0.count) × \($0.reason)" } }

    func report(_ failure: String) { failures.withLock { $0.append(failure) } }

    // MARK: Starting

    func startAll() {
        if topology == .cluster {
            for deployment in Deployment.all where deployment.isReplicated { servers.start(for: deployment.name) }
        }
        for index in slots.indices { start(slot: index) }
    }

    /// Starts all processes that are not running.
    func startMissing() {
        network.removeStopped()
        servers.startMissing()
        for index in slots.indices where !slots.isUp(index) { start(slot: index) }
    }

    /// Ends the process in a slot and starts the next version there, or this one.
    func replace(slot index: Int, byNext isNext: Bool) {
        slots.choose(next: isNext, in: index)?.crash()
        start(slot: index)
    }

    private func start(slot index: Int) {
        let slot = slots.begin(index)
        let deployment = slot.deployment
        guard let store = stores[deployment.name] else { return }
        let isWrong = faults.happens(.clockSkew)
        let machine = Machine(
            "\(deployment.name)-\(slot.number).\(slot.runs)",
            in: simulation,
            skew: isWrong ? WrongClock.error(timesStoredData: !isShared(deployment), entropy) : .zero
        )
        slots.place(machine, in: index)
        if let crashSchedule { machine.watch { crashSchedule.shouldCrash(at: $0, in: deployment.name) } }
        if !isShared(deployment) {
            // The process owns the file: its open files end with it.
            machine.onCrash { store.kill() }
            stores.open(deployment.name, for: machine)
        }
        let (own, connections) = (entropy.fork(), entropy.fork())
        let database = MachineDatabase(
            of: machine,
            isShared: isShared(deployment),
            faults: faults,
            entropy: entropy.fork(),
            server: { [servers] in servers[deployment.name] }
        ) { try store.current() }
        let run = ProcessRun(
            deployment: deployment,
            isNext: slot.isNext,
            machine: machine,
            database: database,
            entropy: own,
            connections: connections,
            cluster: self
        )
        machine.spawn { await run.run() }
    }

    // MARK: Ending

    /// Ends all machines and removes them from the network, so that the world can be freed.
    func close() {
        for machine in machines + servers.machines { machine.crash() }
        stores.losePower(nil)
        network.removeStopped()
    }

    /// Pauses all machines.
    func pauseAll() -> [Machine] {
        let all = machines + servers.machines.filter(\.isUp)
        for machine in all { machine.pause() }
        return all
    }

    /// Plans a power loss of the computer with the store `name`, in the middle of a later change to it.
    ///
    /// - Parameters:
    ///   - changes: How many changes still succeed.
    ///   - onLoss: Called after the loss, if it occurs.
    func losePower(of name: String, after changes: Int, _ survival: Survival, onLoss: @escaping @Sendable () -> Void) {
        guard let store = stores[name], owner(of: name)?.isUp == true else { return }
        store.disk.losePower(after: changes, survival) { [self] in
            // The owner at that time.
            owner(of: name)?.crash()
            store.kill()
            onLoss()
        }
    }

    /// Ends all machines at the same time.
    ///
    /// - Parameter survival: Which unsynced writes survive; `nil` when only the processes end.
    func losePower(_ survival: Survival?) {
        for machine in machines + servers.machines { machine.crash() }
        stores.losePower(survival)
    }

    // MARK: Databases

    /// Whether the machine's clock is the clock of its database.
    func ownsStore(_ machine: Machine) -> Bool { slots.deployment(of: machine).map { !isShared($0) } ?? false }

    /// Whether several processes share the database of a deployment.
    func isShared(_ deployment: Deployment) -> Bool { topology == .cluster && deployment.isReplicated }

    /// The machine that has the store `name` open.
    private func owner(of name: String) -> Machine? { servers[name] ?? slots.machine(of: name) }
}
