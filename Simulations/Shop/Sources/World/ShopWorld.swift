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

/// Every service of the shop on machines of its own, with a network, disks and an outside world, under one seed.
final class ShopWorld: Sendable {
    /// One process that is to be running: its present machine, and what its restarts need.
    private struct Seat {
        let deployment: Deployment
        let number: Int
        var machine: Machine?
        /// The version that its next start brings.
        var isNext = false
        var runs = 0
    }

    let simulation: Simulation
    let network: SimulatedNetwork
    let faults: FaultInjector
    let topology: Topology
    let variant: Scenario.Variant
    let stores: [String: Store]
    /// Where people are: their machine never breaks.
    let outside: Machine
    private let entropy: SeededEntropy
    private let seats: Mutex<[Seat]>
    private let servers: Mutex<[String: Machine]> = Mutex([:])
    private let troubles = Mutex<[String]>([])
    /// Why a database is not open, by service.
    private let closed = Mutex<[String: String]>([:])
    private let passed = Mutex<[String: Int]>([:])
    /// Where processes are to end; `nil` when the weather decides.
    let ambush: Ambush?
    private let healed = Mutex<Moment?>(nil)
    /// What was published, through all that outboxes forget.
    let chronicle = Chronicle()
    /// How long nothing ran, each time.
    private let leaps = Mutex<[Duration]>([])
    /// What disks refused and is counted.
    private let diskErrors = Mutex((failed: 0, full: 0))

    init(
        _ simulation: Simulation,
        topology: Topology,
        replicas: Int,
        templates: [String: DiskImage],
        faults: FaultInjector,
        entropy: SeededEntropy,
        variant: Scenario.Variant = .martlet,
        ambush: Ambush? = nil
    ) {
        self.simulation = simulation
        self.topology = topology
        self.variant = variant
        self.faults = faults
        self.entropy = entropy
        self.ambush = ambush
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: entropy.fork())
        outside = Machine("outside", in: simulation)
        var stores: [String: Store] = [:]
        var seats: [Seat] = []
        for deployment in Deployment.all {
            stores[deployment.name] = Store(templates[deployment.name] ?? DiskImage(), entropy: entropy.fork())
            let count = topology == .cluster && deployment.isReplicated ? replicas : 1
            seats += (1...count).map { Seat(deployment: deployment, number: $0) }
        }
        self.stores = stores
        self.seats = Mutex(seats)
    }

    var time: VirtualTime { simulation.time }

    /// When the last fault had healed; `nil` before.
    var healedAt: Moment? { healed.withLock { $0 } }

    /// From now on nothing goes wrong any more, and the shop has to come to rest.
    func heal() {
        countDiskErrors()
        faults.heal()
        for store in stores.values { store.disk.forgetPlans() }
        healed.withLock { $0 = $0 ?? time.now }
    }

    /// What must never happen and is no invariant of the shop: a loop without end that ended.
    var reports: [String] { troubles.withLock { $0 } }

    /// What is not running, and why.
    var missing: [String] {
        closed.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key): its database did not open: \($0.value)" } }
    }

    /// What failed most often, when a run does not end.
    var complaints: [String] { network.reasons.prefix(6).map { "\($0.count) × \($0.reason)" } }

    /// How often each crash point was passed, by all machines that have been.
    var points: [String: Int] {
        var points = passed.withLock { $0 }
        for machine in machines { points.merge(machine.hits, uniquingKeysWith: +) }
        return points
    }

    /// The machines that run now, in the sequence of the deployments.
    var machines: [Machine] { seats.withLock { $0.compactMap(\.machine).filter(\.isUp) } }

    // MARK: Starting and ending

    func startAll() {
        if topology == .cluster {
            for deployment in Deployment.all where deployment.isReplicated { startServer(of: deployment.name) }
        }
        for index in seats.withLock({ $0.indices }) { start(seat: index) }
    }

    /// Starts whatever is not running.
    func startMissing() {
        network.forgetGone()
        for (name, server) in servers.withLock({ $0.sorted { $0.key < $1.key } }) where !server.isUp {
            startServer(of: name)
        }
        for index in seats.withLock({ $0.indices }) where seats.withLock({ $0[index].machine?.isUp != true }) {
            start(seat: index)
        }
    }

    /// Ends all machines and forgets whom the network knew: nothing keeps the world any more.
    func close() {
        for machine in machines + servers.withLock({ Array($0.values) }) + [outside] { machine.crash() }
        for store in stores.values { store.kill() }
        network.forgetGone()
    }

    /// Ends a machine as `kill -9` does.
    func end(_ machine: Machine) { machine.crash() }

    /// Ends a database server, when there are any: its replicas find it away.
    ///
    /// - Returns: False when there is none.
    func endServer(choice: UInt64) -> Bool {
        let running = servers.withLock { $0.filter(\.value.isUp).sorted { $0.key < $1.key } }
        guard !running.isEmpty else { return false }
        let (name, server) = running[Int(choice % UInt64(running.count))]
        server.crash()
        stores[name]?.kill()
        return true
    }

    /// Lets the power of the computer that holds the store `name` fail in the middle of a later change to it.
    ///
    /// - Parameters:
    ///   - changes: How many changes still pass.
    ///   - told: Called when it has happened; it may never.
    func losePower(of name: String, after changes: Int, _ survival: Survival, told: @escaping @Sendable () -> Void) {
        guard let store = stores[name], owner(of: name)?.isUp == true else { return }
        store.disk.losePower(after: changes, survival) { [self] in
            // Whoever owns it by then.
            owner(of: name)?.crash()
            store.kill()
            told()
        }
    }

    /// The machine that has the store `name` open.
    private func owner(of name: String) -> Machine? {
        servers.withLock { $0[name] } ?? seats.withLock { $0.first { $0.deployment.name == name }?.machine }
    }

    /// Ends everything at once.
    ///
    /// - Parameter survival: What the disks keep of that which was not synced; `nil` when only the processes end.
    func losePower(_ survival: Survival?) {
        for machine in machines + servers.withLock({ $0.sorted { $0.key < $1.key }.map(\.value) }) { machine.crash() }
        for (_, store) in stores.sorted(by: { $0.key < $1.key }) {
            store.kill()
            if let survival { store.losePower(survival) }
        }
    }

    /// Counts what disks have refused since the last time.
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

    /// Freezes everything at once.
    func freezeAll() -> [Machine] {
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

    /// How long nothing ran at once, at most.
    var longestLeap: Duration { leaps.withLock { $0.max() ?? .zero } }

    /// How long nothing ran, all together.
    var leapt: Duration { leaps.withLock { $0.reduce(.zero, +) } }

    /// Lets time pass in which nothing runs.
    func leap(by length: Duration) {
        leaps.withLock { $0.append(length) }
        simulation.time.leap(by: length)
    }

    /// Sleeps for so long, but for what time leaps meanwhile.
    func stay(for length: Duration) async throws {
        var left = length
        // Clocks know nothing shorter.
        while .nanoseconds(1) <= left {
            let (begin, before) = (time.now, leapt)
            try await time.sleep(for: left)
            left -= (time.now - begin) - (leapt - before)
        }
    }

    // MARK: Versions

    /// Services with more than one process.
    var replicated: [String] {
        seats.withLock { seats in
            Deployment.all.map(\.name).filter { name in seats.filter { $0.deployment.name == name }.count > 1 }
        }
    }

    /// Where the processes of `service` run.
    func seats(of service: String) -> [Int] {
        seats.withLock { seats in seats.indices.filter { seats[$0].deployment.name == service } }
    }

    /// Ends the process in a seat and starts there the next version, or this one.
    func replace(seat index: Int, byNext isNext: Bool) {
        let machine = seats.withLock { seats in
            seats[index].isNext = isNext
            return seats[index].machine
        }
        machine?.crash()
        start(seat: index)
    }

    /// Whether both versions of a service run now.
    private func isMixed(_ service: String) -> Bool {
        let running = seats.withLock { $0.filter { $0.deployment.name == service && $0.machine?.isUp == true } }
        return Set(running.map(\.isNext)).count > 1
    }

    /// Whether the machine's clock is its database's.
    func ownsStore(_ machine: Machine) -> Bool {
        seats.withLock { seats in seats.contains { $0.machine === machine && !isShared($0.deployment) } }
    }

    private func isShared(_ deployment: Deployment) -> Bool { topology == .cluster && deployment.isReplicated }

    private func startServer(of name: String) {
        guard let store = stores[name] else { return }
        let server = Machine("\(name)-database", in: simulation)
        servers.withLock { $0[name] = server }
        open(store, name, for: server)
    }

    /// Opens a store for the machine that owns it; when its disk gives up, the machine ends.
    private func open(_ store: Store, _ name: String, for machine: Machine) {
        do {
            try store.open(time: machine.time) { [faults] _ in
                faults.count(.syncFailure)
                machine.crash()
            }
            _ = closed.withLock { $0.removeValue(forKey: name) }
        } catch {
            // A disk that fails meanwhile is one of the faults; the next start tries again.
            closed.withLock { $0[name] = "\(error)" }
            machine.crash()
        }
    }

    private func start(seat index: Int) {
        let seat = seats.withLock { seats in
            seats[index].runs += 1
            return seats[index]
        }
        let deployment = seat.deployment
        guard let store = stores[deployment.name] else { return }
        let isWrong = faults.happens(.clockSkew)
        let machine = Machine(
            "\(deployment.name)-\(seat.number).\(seat.runs)",
            in: simulation,
            skew: isWrong ? WrongClock.error(judges: !isShared(deployment), entropy) : .zero
        )
        if let before = seats.withLock({ $0[index].machine }) {
            passed.withLock { $0.merge(before.hits, uniquingKeysWith: +) }
        }
        seats.withLock { $0[index].machine = machine }
        if let ambush { machine.watch { ambush.passes($0, deployment.name) } }
        if !isShared(deployment) {
            // Its own process owns the file: what it had open ends with it.
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
        machine.spawn { await self.run(seat, on: machine, database, entropy, connections) }
    }

    /// Builds the service, as often as that takes, and lets its loops run.
    private func run(
        _ seat: Seat,
        on machine: Machine,
        _ database: MachineDatabase,
        _ entropy: SeededEntropy,
        _ connections: SeededEntropy
    ) async {
        let (network, deployment) = (network, seat.deployment)
        let book = ChannelBook(
            policy: .betweenServices,
            metrics: MetricsRegistry(service: deployment.name),
            time: machine.time,
            entropy: connections,
            connect: { network.channel(from: machine, to: $0) }
        )
        let log = RemoteEventLog(over: book.channel(to: "eventlog"), service: deployment.name, time: machine.time)
        let bus = FaultyBus(bus: log, faults: faults, entropy: connections.fork())
        // The event log is a broker, and has no outbox.
        let present: any SQLDatabase =
            variant == .naive && deployment.name != "eventlog"
            ? NaiveOutbox(of: deployment.name, over: database, bus) : database
        let parts = Deployment.Parts(
            database: seat.isNext
                ? NextDatabase(database: present, hasStreams: deployment.name == OrdersService.name) : present,
            bus: bus,
            time: machine.time,
            entropy: entropy,
            connect: { service in
                let channel = network.channel(from: machine, to: service)
                return seat.isNext ? NextQuestions(channel: channel) : channel
            },
            isNext: seat.isNext,
            migrates: isShared(deployment) && faults.rates[.mixedVersions] != nil
        )
        while machine.isUp {
            do {
                let runtime = try await deployment.start(parts)
                try machine.check()
                return serve(runtime, of: deployment, on: machine, parts)
            } catch {
                try? await machine.time.sleep(for: .milliseconds(200))
            }
        }
    }

    private func serve(
        _ runtime: ServiceRuntime,
        of deployment: Deployment,
        on machine: Machine,
        _ parts: Deployment.Parts
    ) {
        let services = LocalServices()
        services.add(runtime.contracts)
        let local = LocalChannel(to: services, time: machine.time)
        if deployment.name == "provider" {
            let moody = MoodyProvider(local, faults: faults, entropy: entropy.fork())
            network.add(machine, for: deployment.name, answering: moody, isElsewhere: true)
        } else {
            network.add(machine, for: deployment.name, answering: parts.isNext ? NextAnswers(channel: local) : local)
        }
        if parts.isNext, isMixed(deployment.name) { faults.count(.mixedVersions) }
        let desk = LocalServices()
        desk.add(runtime.operatorContracts)
        network.add(
            machine,
            for: Self.operators(of: deployment.name),
            answering: LocalChannel(to: desk, time: machine.time)
        )
        for loop in variant == .naive ? naiveLoops(of: runtime, parts) : runtime.loops where loop.name != "metrics" {
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

    /// Without the relay and the subscriptions of the toolkit.
    private func naiveLoops(of runtime: ServiceRuntime, _ parts: Deployment.Parts) -> [ServiceRuntime.Loop] {
        let inbox = NaiveInbox(runtime.subscriptions, database: parts.database, bus: parts.bus, time: parts.time)
        let replaced = ["outbox relay", "subscriptions"]
        return runtime.loops.filter { !replaced.contains($0.name) }
            + (runtime.subscriptions.isEmpty ? [] : [.init("naive inbox", .consumers) { try await inbox.run() }])
    }

    /// The name under which operators find the service.
    static func operators(of service: String) -> String { "\(service)-operators" }

    func report(_ trouble: String) { troubles.withLock { $0.append(trouble) } }
}
