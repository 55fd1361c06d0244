import MartletCore
import MartletSimulation
package import MartletTesting
import SimulatedDisk

/// Injects, from time to time, the faults that need no opportunity: crashes, pauses, partitions, disk and clock faults.
package struct FaultScheduler: Sendable {
    /// The longest time between two faults, in milliseconds.
    private static let intervalMax: UInt64 = 4_000
    /// The longest time until a crashed process is restarted, in milliseconds.
    private static let restartDelayMax: UInt64 = 5_000
    /// The longest pause of a process: longer than any lease.
    private static let retryDelayMax: UInt64 = 60_000
    private static let partitionMax: UInt64 = 30_000
    private static let diskFullMax: UInt64 = 5_000
    private static let absenceMax: UInt64 = 40_000
    /// How often missing faults are forced; together longer than any pause.
    private static let forceAttempts = 24
    private static let forceInterval = Duration.seconds(5)
    /// A crash point that every process passes frequently.
    private static let frequentPoint = "sql.committing"
    /// The most changes of a disk until its power fails.
    private static let changesMax: UInt64 = 40
    /// The most hits of a crash point until the crash.
    private static let hitMax: UInt64 = 4

    private let cluster: Cluster
    private let entropy: SeededEntropy
    private let points: [String]
    private let target: String
    private let restorable: String?
    private let outage: @Sendable (SeededEntropy) async -> Void

    /// - Parameters:
    ///   - points: The names from which crash points are chosen, besides those that a machine has passed.
    ///   - target: The service on which missing faults are forced: one that works all the time.
    ///   - restorable: The service whose state follows from the events that it consumes; `nil` for none.
    ///   - outage: Runs an outage, of the random numbers that it gets, at most once; counts the fault.
    package init(
        of cluster: Cluster,
        entropy: SeededEntropy,
        points: [String],
        target: String,
        restorable: String?,
        outage: @escaping @Sendable (SeededEntropy) async -> Void
    ) {
        self.cluster = cluster
        self.entropy = entropy
        self.points = points
        self.target = target
        self.restorable = restorable
        self.outage = outage
    }

    private var faults: FaultInjector { cluster.faults }
    private var time: VirtualTime { cluster.simulation.time }

    /// Runs until the faults have healed; injected faults are undone then.
    package func run() async throws {
        let kinds = faults.rates.keys.filter { FaultPlan.scheduled.contains($0) }.sorted()
        guard !kinds.isEmpty else { return }
        // Each kind is injected once before any is repeated.
        var next: [SimulatedFault] = []
        while faults.isActive {
            try await sleep(upTo: Self.intervalMax)
            guard faults.isActive else { return }
            if next.isEmpty { next = shuffled(kinds) }
            await inject(next.removeLast())
            cluster.stores.countErrors()
        }
    }

    /// Forces the enabled faults that have not been injected yet, while faults are active.
    ///
    /// A fault without an opportunity, in a small world, is left out.
    package func injectMissing() async throws {
        faults.forceMissing()
        for _ in 0..<Self.forceAttempts {
            cluster.stores.countErrors()
            let counts = faults.counts
            let missing = faults.rates.keys.filter { counts[$0] == nil && !impossible.contains($0) }.sorted()
            guard !missing.isEmpty else { return }
            for fault in missing { await force(on: fault) }
            try await cluster.skippedTime.sleepExcluding(for: Self.forceInterval)
        }
    }

    /// `lateRequest` comes after the faults have healed.
    private var impossible: Set<SimulatedFault> {
        restorable == nil ? [.lateRequest, .consumerRestored, .groupAway] : [.lateRequest]
    }

    private func force(on fault: SimulatedFault) async {
        let (faults, disk) = (faults, cluster.stores[target]?.disk)
        let machine = machine(of: target)
        switch fault {
        case .crashPoint:
            machine?.crash(at: Self.frequentPoint) { faults.count(.crashPoint) }
        case .syncFailure: disk?.fail(.syncError)
        case .diskError: disk?.fail(.writeError)
        case .diskFull: fillDisk(cluster.stores[target])
        case .clockSkew: machine?.crash()
        case .staleRegistry:
            // Every service calls it, independent of the clients.
            self.machine(of: Deployment.eventLogName)?.crash()
        case _ where FaultPlan.scheduled.contains(fault): await inject(fault)
        default: break
        }
    }

    /// Restarts crashed processes after a delay.
    package func supervise() async throws {
        while true {
            try await sleep(upTo: Self.restartDelayMax)
            cluster.startMissing()
        }
    }

    /// Planned faults are counted when they occur.
    private func inject(_ fault: SimulatedFault) async {
        // An external service does not crash.
        let own = cluster.machines.filter { cluster.slots.deployment(of: $0)?.isExternal != true }
        guard let machine = chosen(from: own) else { return }
        let faults = faults
        switch fault {
        case .crash:
            if entropy.number(below: 4) > 0 || !cluster.servers.kill(choice: entropy.next()) { machine.crash() }
            faults.count(.crash)
        case .crashPoint:
            // Mostly a point that this machine has passed: many points belong to other services.
            let passed = machine.hits.keys.sorted()
            let choices = passed.isEmpty || entropy.number(below: 4) == 0 ? points : passed
            guard !choices.isEmpty else { return }
            let point = choices[Int(entropy.number(below: UInt64(choices.count)))]
            let hit = 1 + Int(entropy.number(below: Self.hitMax))
            machine.crash(at: point, hit: hit) { faults.count(.crashPoint) }
        case .powerLoss:
            // In the middle of a write: between two commits there is nothing to lose.
            let changes = Int(entropy.number(below: Self.changesMax))
            cluster.losePower(of: chosenStore(), after: changes, Survival.any(entropy)) {
                faults.count(.powerLoss)
            }
        case .outage:
            // One outage is enough to expire everything.
            guard cluster.skippedTime.longest == .zero, !cluster.backups.isRestoring else { return }
            await outage(entropy)
        case .logRestored, .consumerRestored:
            guard let service = fault == .logRestored ? Deployment.eventLogName : restorable else { return }
            await RestoreFault(fault, of: service, on: cluster, entropy: entropy).inject()
        case .groupAway:
            // Once is enough: what it loses it never gets.
            guard let restorable, faults.counts[.groupAway] == nil, !cluster.backups.isRestoring else { return }
            cluster.stop(restorable)
            faults.count(.groupAway)
            schedule(within: Self.absenceMax) { [cluster] in cluster.endAbsences() }
        case .pause:
            pauseProcess(server() ?? chosen(from: cluster.machines) ?? machine)
            faults.count(.pause)
        case .clockJump:
            // With a database server, no stored time depends on a service's own clock.
            let server = server()
            let timesStoredData = server != nil || cluster.ownsStore(machine)
            (server ?? machine).time.jump(by: WrongClock.error(timesStoredData: timesStoredData, entropy))
            faults.count(.clockJump)
        case .partition:
            let all = cluster.machines + [cluster.outside]
            if let one = chosen(from: all), let other = chosen(from: all), one !== other {
                partition(one, other)
                faults.count(.partition)
            }
        case .diskFull: fillDisk(cluster.stores[chosenStore()])
        case .diskError:
            let error: DiskFault = [.readError, .writeError, .shortWrite][Int(entropy.number(below: 3))]
            cluster.stores[chosenStore()]?.disk.fail(error, after: Int(entropy.number(below: Self.changesMax)))
        case .syncFailure: cluster.stores[chosenStore()]?.disk.fail(.syncError)
        default: break
        }
    }

    private func machine(of service: String) -> Machine? {
        cluster.machines.first { cluster.slots.deployment(of: $0)?.name == service }
    }

    /// A random machine, with equal probability for each service; `nil` when there are no machines.
    private func chosen(from machines: [Machine]) -> Machine? {
        guard !machines.isEmpty else { return nil }
        let services = Dictionary(grouping: machines) { cluster.slots.deployment(of: $0)?.name ?? $0.name }.sorted {
            $0.key < $1.key
        }
        let replicas = services[Int(entropy.number(below: UInt64(services.count)))].value
        return replicas[Int(entropy.number(below: UInt64(replicas.count)))]
    }

    /// Sometimes a database server; `nil` otherwise, and where there is none.
    private func server() -> Machine? {
        entropy.number(below: 4) == 0 ? cluster.servers.machine(choice: entropy.next()) : nil
    }

    private func chosenStore() -> String {
        let external = cluster.external
        let names = cluster.stores.names.filter { !external.contains($0) }
        return names[Int(entropy.number(below: UInt64(names.count)))]
    }

    private func pauseProcess(_ machine: Machine) {
        machine.pause()
        schedule(within: Self.retryDelayMax) { machine.resume() }
    }

    private func partition(_ one: Machine, _ other: Machine) {
        let network = cluster.network
        network.cut(one, other)
        schedule(within: Self.partitionMax) { network.reconnect(one, other) }
    }

    private func fillDisk(_ store: Store?) {
        guard let disk = store?.disk else { return }
        disk.faults.bytesMax = disk.image.bytes
        schedule(within: Self.diskFullMax) { disk.faults.bytesMax = nil }
    }

    /// Runs `action` after a random delay, independent of the machines; immediately when the faults heal before.
    private func schedule(within limit: UInt64, _ action: @escaping @Sendable () -> Void) {
        let (faults, time, length) = (faults, time, Duration.milliseconds(Int64(1 + entropy.number(below: limit))))
        cluster.outside.spawn {
            let end = time.now + length
            while faults.isActive, time.now < end {
                try? await time.sleep(until: min(end, time.now + .milliseconds(500)))
            }
            action()
        }
    }

    private func sleep(upTo limit: UInt64) async throws {
        try await time.sleep(for: .milliseconds(Int64(entropy.number(below: limit))))
    }

    private func shuffled(_ kinds: [SimulatedFault]) -> [SimulatedFault] {
        var kinds = kinds
        for last in kinds.indices.reversed() { kinds.swapAt(last, Int(entropy.number(below: UInt64(last + 1)))) }
        return kinds
    }
}
