package import MartletCore
import MartletSQL
package import MartletSimulation
package import MartletTesting
package import SimulatedDisk
import Synchronization

/// Every service on its own machines, with network and disks: who runs, and what ends them.
package final class Cluster: Sendable {
    package let simulation: Simulation
    package let faults: FaultInjector
    package let entropy: SeededEntropy
    package let network: SimulatedNetwork
    package let stores: Stores
    package let slots: ReplicaSlots
    /// The machine of all clients: it never fails.
    package let outside: Machine
    package let skippedTime: SkippedTime
    package let backups = Backups()
    let servers: DatabaseServers
    let hooks: ProcessHooks
    private let deployments: [Deployment]
    private let topology: DeploymentShape
    private let crashSchedule: CrashSchedule?
    private let failures = Mutex<[String]>([])
    /// The last error of each service that could not start.
    private let failedStarts = Mutex<[String: String]>([:])
    private let healed = Mutex<Moment?>(nil)

    /// - Parameters:
    ///   - deployments: In the order in which they start; the first is the event log.
    ///   - templates: The initial disks, by service.
    ///   - crashSchedule: The planned crashes; `nil` when a fault scheduler injects faults.
    package init(
        of deployments: [Deployment],
        _ plan: ClusterPlan,
        in simulation: Simulation,
        templates: [String: DiskImage],
        faults: FaultInjector,
        entropy: SeededEntropy,
        crashSchedule: CrashSchedule?,
        hooks: ProcessHooks
    ) {
        self.deployments = deployments
        self.simulation = simulation
        self.faults = faults
        self.entropy = entropy
        self.crashSchedule = crashSchedule
        self.hooks = hooks
        topology = plan.topology
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: entropy.fork())
        stores = Stores(of: deployments, templates: templates, faults: faults, entropy: entropy)
        servers = DatabaseServers(in: simulation, stores: stores)
        slots = ReplicaSlots(of: deployments, plan.topology, replicas: plan.replicas)
        outside = Machine("outside", in: simulation)
        skippedTime = SkippedTime(of: simulation.time)
    }

    /// The network name of the service's operator contracts.
    package static func operators(of service: String) -> String { "\(service)-operators" }

    /// The machines that run now, in the order of the deployments.
    package var machines: [Machine] { slots.machines }

    /// Failures of the processes themselves: an endless loop that ended.
    package var reports: [String] { failures.withLock { $0 } }

    /// What explains a run that does not end: databases that are not open, and the most frequent failures of calls.
    package var diagnosis: [String] { stores.missing + network.reasons.prefix(6).map { "\($0.count) × \($0.reason)" } }

    /// What prevents services from starting, by service.
    var startFailures: [String] {
        failedStarts.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key) does not start: \($0.value)" } }
    }

    /// Covers every choice of the run and all calls.
    package var trace: Fingerprint {
        var trace = simulation.executor.trace
        trace.add(network.trace.description)
        return trace
    }

    func report(_ failure: String) { failures.withLock { $0.append(failure) } }

    func recordFailedStart(of service: String, _ error: any Error) {
        failedStarts.withLock { $0[service] = "\(error)" }
    }

    // MARK: Healing

    /// When the last fault had healed; `nil` before.
    package var healedAt: Moment? { healed.withLock { $0 } }

    /// Ends all faults; from now on the services have to become quiescent.
    package func heal() {
        stores.countErrors()
        faults.heal()
        stores.heal()
        healed.withLock { $0 = $0 ?? simulation.time.now }
        endAbsences()
    }

    // MARK: Starting

    package func startAll() {
        if topology == .cluster {
            for deployment in deployments where deployment.isReplicated { servers.start(for: deployment.name) }
        }
        for index in slots.indices where !slots.isAway(index) { start(slot: index) }
    }

    /// Starts all processes that are not running.
    package func startMissing() {
        network.removeStopped()
        servers.startMissing()
        for index in slots.indices where !slots.isUp(index) && !slots.isAway(index) { start(slot: index) }
    }

    /// Ends the process in a slot and starts a version there.
    package func replace(slot index: Int, by version: ReplicaVersion) {
        slots.choose(version, in: index)?.crash()
        start(slot: index)
    }

    private func start(slot index: Int) {
        let slot = slots.begin(index)
        let deployment = slot.deployment
        guard let store = stores[deployment.name] else { return }
        let isWrong = faults.happens(.clockSkew)
        let machine = Machine(
            "\(slot.name).\(slot.runs)",
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
            version: slot.version,
            instance: slot.name,
            machine: machine,
            database: database,
            entropy: own,
            connections: connections,
            cluster: self
        )
        machine.spawn { await run.run() }
    }

    // MARK: Ending

    /// How long a process has to end in order.
    private static let endLimit = Duration.seconds(1)

    /// Ends the process in a slot between two steps, as by `kill -9`.
    func kill(slot index: Int) { slots.process(in: index).machine?.crash() }

    /// Ends the processes of a service, which are not started until ``endAbsences()`` or ``heal()``.
    func stop(_ service: String) {
        slots.setAway(service)
        for index in slots.indices(of: service) { kill(slot: index) }
    }

    /// Starts what was stopped.
    func endAbsences() { if slots.endAbsences() { startMissing() } }

    /// Ends the processes in these slots as by SIGTERM: their loops end in order, and then the processes.
    package func end(slots indices: [Int]) async throws {
        let processes = indices.map { slots.process(in: $0) }
        for loop in processes.flatMap(\.loops) { loop.cancel() }
        try await simulation.time.sleep(for: Self.endLimit)
        for process in processes { process.machine?.crash() }
    }

    /// Ends all machines, removes them from the network, and frees the files of their disks.
    ///
    /// What a service's process refers to is not freed where its workflows use their engine, which refers to them: of a
    /// world with a hundred orders a megabyte remains, and 40 with its files.
    package func close() {
        for machine in machines + servers.machines { machine.crash() }
        stores.erase()
        network.removeStopped()
        outside.crash()
    }

    /// Pauses all machines.
    package func pauseAll() -> [Machine] {
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
    package func losePower(_ survival: Survival?) {
        for machine in machines + servers.machines { machine.crash() }
        stores.losePower(survival)
    }

    // MARK: Databases

    /// The services of other parties.
    var external: Set<String> { Set(deployments.filter(\.isExternal).map(\.name)) }

    /// Whether the machine's clock is the clock of its database.
    func ownsStore(_ machine: Machine) -> Bool { slots.deployment(of: machine).map { !isShared($0) } ?? false }

    /// Whether several processes share the database of a deployment.
    func isShared(_ deployment: Deployment) -> Bool { topology == .cluster && deployment.isReplicated }

    /// Whether the processes of a deployment may be of several versions, so that each migrates its database.
    func hasVersions(_ deployment: Deployment) -> Bool {
        isShared(deployment) && (faults.rates[.mixedVersions] != nil || faults.rates[.versionBreaks] != nil)
    }

    /// The machine that has the store `name` open.
    private func owner(of name: String) -> Machine? { servers[name] ?? slots.machine(of: name) }
}
