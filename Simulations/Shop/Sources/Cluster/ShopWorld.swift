import MartletCore
import MartletEventLogClient
import MartletHost
import MartletMessaging
import MartletResilience
import MartletSQL
import MartletSimulation
import MartletTelemetry
import MartletTesting
import Orders
import SimulatedDisk
import Synchronization

/// A simulated cluster under one seed: every service of the shop on its own machines, with network, disks and clients.
final class ShopWorld: Sendable {
    /// One process that should be running: its present machine, and what its restarts need.
    private struct ReplicaSlot {
        let deployment: Deployment
        let number: Int
        var machine: Machine?
        /// Whether its next start runs the next version.
        var isNext = false
        var runs = 0
    }

    let simulation: Simulation
    let network: SimulatedNetwork
    let faults: FaultInjector
    let topology: Topology
    let variant: Scenario.Variant
    let stores: [String: Store]
    /// The machine of all clients: it never fails.
    let outside: Machine
    private let entropy: SeededEntropy
    private let slots: Mutex<[ReplicaSlot]>
    private let servers: Mutex<[String: Machine]> = Mutex([:])
    private let failures = Mutex<[String]>([])
    /// Errors of databases that did not open, by service.
    private let openErrors = Mutex<[String: String]>([:])
    private let passedPoints = Mutex<[String: Int]>([:])
    /// The planned crashes; `nil` when the fault scheduler injects faults.
    let crashSchedule: CrashSchedule?
    private let healed = Mutex<Moment?>(nil)
    /// All published events, also those that outboxes have purged.
    let publishedEvents = PublishedEvents()
    /// The length of each outage.
    private let skips = Mutex<[Duration]>([])
    /// The disk errors that are already counted as faults.
    private let diskErrors = Mutex((failed: 0, full: 0))

    init(
        _ simulation: Simulation,
        topology: Topology,
        replicas: Int,
        templates: [String: DiskImage],
        faults: FaultInjector,
        entropy: SeededEntropy,
        variant: Scenario.Variant = .martlet,
        crashSchedule: CrashSchedule? = nil
    ) {
        self.simulation = simulation
        self.topology = topology
        self.variant = variant
        self.faults = faults
        self.entropy = entropy
        self.crashSchedule = crashSchedule
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: entropy.fork())
        outside = Machine("outside", in: simulation)
        var stores: [String: Store] = [:]
        var slots: [ReplicaSlot] = []
        for deployment in Deployment.all {
            stores[deployment.name] = Store(templates[deployment.name] ?? DiskImage(), entropy: entropy.fork())
            let count = topology == .cluster && deployment.isReplicated ? replicas : 1
            slots += (1...count).map { ReplicaSlot(deployment: deployment, number: $0) }
        }
        self.stores = stores
        self.slots = Mutex(slots)
    }

    var time: VirtualTime { simulation.time }

    /// When the last fault had healed; `nil` before.
    var healedAt: Moment? { healed.withLock { $0 } }

    /// Ends all faults; from now on the shop has to become quiescent.
    func heal() {
        countDiskErrors()
        faults.heal()
        for store in stores.values { store.disk.cancelPlannedFaults() }
        healed.withLock { $0 = $0 ?? time.now }
    }

    /// Failures of the processes themselves: an endless loop that ended.
    var reports: [String] { failures.withLock { $0 } }

    /// The services that are not running, with the cause.
    var missing: [String] {
        openErrors.withLock {
            $0.sorted { $0.key < $1.key }.map { "\($0.key): its database did not open: \($0.value)" }
        }
    }

    /// The most frequent failures, to explain a run that does not end.
    var frequentFailures: [String] { network.reasons.prefix(6).map { "\($0.count) × \($0.reason)" } }

    /// How often each crash point was passed, by all machines, also former ones.
    var points: [String: Int] {
        var points = passedPoints.withLock { $0 }
        for machine in machines { points.merge(machine.hits, uniquingKeysWith: +) }
        return points
    }

    /// The machines that run now, in the order of the deployments.
    var machines: [Machine] { slots.withLock { $0.compactMap(\.machine).filter(\.isUp) } }

    // MARK: Starting and ending

    func startAll() {
        if topology == .cluster {
            for deployment in Deployment.all where deployment.isReplicated { startServer(of: deployment.name) }
        }
        for index in slots.withLock({ $0.indices }) { start(slot: index) }
    }

    /// Starts all processes that are not running.
    func startMissing() {
        network.removeStopped()
        for (name, server) in servers.withLock({ $0.sorted { $0.key < $1.key } }) where !server.isUp {
            startServer(of: name)
        }
        for index in slots.withLock({ $0.indices }) where slots.withLock({ $0[index].machine?.isUp != true }) {
            start(slot: index)
        }
    }

    /// Ends all machines and removes them from the network, so that the world can be freed.
    func close() {
        for machine in machines + servers.withLock({ Array($0.values) }) + [outside] { machine.crash() }
        for store in stores.values { store.kill() }
        network.removeStopped()
    }

    /// Ends a machine as `kill -9` does.
    func kill(_ machine: Machine) { machine.crash() }

    /// Ends a database server, when there are any: it is unavailable to its replicas then.
    ///
    /// - Returns: False when there is none.
    func killServer(choice: UInt64) -> Bool {
        let running = servers.withLock { $0.filter(\.value.isUp).sorted { $0.key < $1.key } }
        guard !running.isEmpty else { return false }
        let (name, server) = running[Int(choice % UInt64(running.count))]
        server.crash()
        stores[name]?.kill()
        return true
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

    /// The machine that has the store `name` open.
    private func owner(of name: String) -> Machine? {
        servers.withLock { $0[name] } ?? slots.withLock { $0.first { $0.deployment.name == name }?.machine }
    }

    /// Ends all machines at the same time.
    ///
    /// - Parameter survival: Which unsynced writes survive; `nil` when only the processes end.
    func losePower(_ survival: Survival?) {
        for machine in machines + servers.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) { machine.crash() }
        for (_, store) in stores.sorted(by: { $0.key < $1.key }) {
            store.kill()
            if let survival { store.losePower(survival) }
        }
    }

    /// Counts the disk errors since the last call as faults.
    func countDiskErrors() {
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

    /// Pauses all machines.
    func pauseAll() -> [Machine] {
        let all = machines + servers.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }.filter(\.isUp)
        for machine in all { machine.pause() }
        return all
    }

    /// A database server that runs, when there are any.
    func server(choice: UInt64) -> Machine? {
        let running = servers.withLock { $0.filter(\.value.isUp).sorted { $0.key < $1.key } }
        return running.isEmpty ? nil : running[Int(choice % UInt64(running.count))].value
    }

    // MARK: Time

    /// The longest outage.
    var longestSkip: Duration { skips.withLock { $0.max() ?? .zero } }

    /// The sum of all outages.
    var skipped: Duration { skips.withLock { $0.reduce(.zero, +) } }

    /// Skips a span of time in which nothing runs.
    func skip(by length: Duration) {
        skips.withLock { $0.append(length) }
        simulation.time.skip(by: length)
    }

    /// Sleeps for `length`, not counting skipped time.
    func sleepExcludingSkips(for length: Duration) async throws {
        var left = length
        // The resolution of the clocks.
        while .nanoseconds(1) <= left {
            let (begin, before) = (time.now, skipped)
            try await time.sleep(for: left)
            left -= (time.now - begin) - (skipped - before)
        }
    }

    // MARK: Versions

    /// Services with more than one process.
    var replicated: [String] {
        slots.withLock { slots in
            Deployment.all.map(\.name).filter { name in slots.filter { $0.deployment.name == name }.count > 1 }
        }
    }

    /// The slots of `service`.
    func slots(of service: String) -> [Int] {
        slots.withLock { slots in slots.indices.filter { slots[$0].deployment.name == service } }
    }

    /// Ends the process in a slot and starts the next version there, or this one.
    func replace(slot index: Int, byNext isNext: Bool) {
        let machine = slots.withLock { slots in
            slots[index].isNext = isNext
            return slots[index].machine
        }
        machine?.crash()
        start(slot: index)
    }

    /// Whether both versions of a service run now.
    private func isMixed(_ service: String) -> Bool {
        let running = slots.withLock { $0.filter { $0.deployment.name == service && $0.machine?.isUp == true } }
        return Set(running.map(\.isNext)).count > 1
    }

    /// Whether the machine's clock is the clock of its database.
    func ownsStore(_ machine: Machine) -> Bool {
        slots.withLock { slots in slots.contains { $0.machine === machine && !isShared($0.deployment) } }
    }

    private func isShared(_ deployment: Deployment) -> Bool { topology == .cluster && deployment.isReplicated }

    private func startServer(of name: String) {
        guard let store = stores[name] else { return }
        let server = Machine("\(name)-database", in: simulation)
        servers.withLock { $0[name] = server }
        open(store, name, for: server)
    }

    /// Opens a store for the machine that owns it; the machine crashes when its disk fails to sync.
    private func open(_ store: Store, _ name: String, for machine: Machine) {
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

    private func start(slot index: Int) {
        let slot = slots.withLock { slots in
            slots[index].runs += 1
            return slots[index]
        }
        let deployment = slot.deployment
        guard let store = stores[deployment.name] else { return }
        let isWrong = faults.happens(.clockSkew)
        let machine = Machine(
            "\(deployment.name)-\(slot.number).\(slot.runs)",
            in: simulation,
            skew: isWrong ? WrongClock.error(timesStoredData: !isShared(deployment), entropy) : .zero
        )
        if let before = slots.withLock({ $0[index].machine }) {
            passedPoints.withLock { $0.merge(before.hits, uniquingKeysWith: +) }
        }
        slots.withLock { $0[index].machine = machine }
        if let crashSchedule { machine.watch { crashSchedule.shouldCrash(at: $0, in: deployment.name) } }
        if !isShared(deployment) {
            // The process owns the file: its open files end with it.
            machine.onCrash { store.kill() }
            open(store, deployment.name, for: machine)
        }
        let (entropy, connections) = (entropy.fork(), self.entropy.fork())
        let database = MachineDatabase(
            of: machine,
            isShared: isShared(deployment),
            faults: faults,
            entropy: self.entropy.fork(),
            server: { [self] in servers.withLock { $0[deployment.name] } }
        ) { try store.current() }
        machine.spawn { await self.run(slot, on: machine, database, entropy, connections) }
    }

    /// Starts the service, with retries, and runs its loops.
    private func run(
        _ slot: ReplicaSlot,
        on machine: Machine,
        _ database: MachineDatabase,
        _ entropy: SeededEntropy,
        _ connections: SeededEntropy
    ) async {
        let (network, deployment) = (network, slot.deployment)
        let channels = ChannelPool(
            policy: .betweenServices,
            metrics: MetricsRegistry(service: deployment.name),
            time: machine.time,
            entropy: connections,
            connect: { network.channel(from: machine, to: $0) }
        )
        let log = RemoteEventLog(over: channels.channel(to: "eventlog"), service: deployment.name, time: machine.time)
        let bus = FaultyBus(bus: log, faults: faults, entropy: connections.fork())
        // The event log is a broker, and has no outbox.
        let present: any SQLDatabase =
            variant == .naive && deployment.name != "eventlog"
            ? NaiveOutbox(of: deployment.name, over: database, bus) : database
        let dependencies = Deployment.Dependencies(
            database: slot.isNext
                ? NextDatabase(database: present, hasStreams: deployment.name == OrdersService.name) : present,
            bus: bus,
            time: machine.time,
            entropy: entropy,
            connect: { service in
                let channel = network.channel(from: machine, to: service)
                return slot.isNext ? NextRequests(channel: channel) : channel
            },
            isNext: slot.isNext,
            migrates: isShared(deployment) && faults.rates[.mixedVersions] != nil
        )
        while machine.isUp {
            do {
                let runtime = try await deployment.start(dependencies)
                try machine.check()
                return serve(runtime, of: deployment, on: machine, dependencies)
            } catch {
                try? await machine.time.sleep(for: .milliseconds(200))
            }
        }
    }

    private func serve(
        _ runtime: ServiceRuntime,
        of deployment: Deployment,
        on machine: Machine,
        _ dependencies: Deployment.Dependencies
    ) {
        let services = LocalServices()
        services.add(runtime.contracts)
        let local = LocalChannel(to: services, time: machine.time)
        if deployment.name == "provider" {
            let faulty = FaultyPaymentProvider(local, faults: faults, entropy: entropy.fork())
            network.add(machine, for: deployment.name, channel: faulty, isExternal: true)
        } else {
            network.add(
                machine,
                for: deployment.name,
                channel: dependencies.isNext ? NextResponses(channel: local) : local
            )
        }
        if dependencies.isNext, isMixed(deployment.name) { faults.count(.mixedVersions) }
        let operatorServices = LocalServices()
        operatorServices.add(runtime.operatorContracts)
        network.add(
            machine,
            for: Self.operators(of: deployment.name),
            channel: LocalChannel(to: operatorServices, time: machine.time)
        )
        let loops = variant == .naive ? naiveLoops(of: runtime, dependencies) : runtime.loops
        for loop in loops where loop.name != "metrics" {
            machine.spawn {
                do {
                    try await loop.run()
                    if machine.isUp { self.report("\(machine.name): \(loop.name) returned") }
                } catch {
                    if machine.isUp { self.report("\(machine.name): \(loop.name) ended: \(error)") }
                }
            }
        }
    }

    /// The loops of the control: without the toolkit's relay and subscriptions.
    private func naiveLoops(
        of runtime: ServiceRuntime,
        _ dependencies: Deployment.Dependencies
    ) -> [ServiceRuntime.Loop] {
        let inbox = NaiveInbox(
            runtime.subscriptions,
            database: dependencies.database,
            bus: dependencies.bus,
            time: dependencies.time
        )
        let replaced = ["outbox relay", "subscriptions"]
        return runtime.loops.filter { !replaced.contains($0.name) }
            + (runtime.subscriptions.isEmpty ? [] : [.init("naive inbox", .consumers) { try await inbox.run() }])
    }

    /// The network name of the service's operator contracts.
    static func operators(of service: String) -> String { "\(service)-operators" }

    func report(_ failure: String) { failures.withLock { $0.append(failure) } }
}
