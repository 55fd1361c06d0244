import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedDisk

/// Injects, from time to time, the faults that need no opportunity: crashes, pauses, partitions, disk and clock faults.
struct FaultScheduler: Sendable {
    /// The longest time between two faults, in milliseconds.
    private static let intervalMax: UInt64 = 4_000
    /// The longest time until a crashed process is restarted, in milliseconds.
    private static let restartDelayMax: UInt64 = 5_000
    /// The longest pause of a process: longer than any lease.
    private static let retryDelayMax: UInt64 = 60_000
    private static let partitionMax: UInt64 = 30_000
    private static let diskFullMax: UInt64 = 5_000
    /// How often missing faults are forced; together longer than any pause.
    private static let forceAttempts = 24
    private static let forceInterval = Duration.seconds(5)
    /// A crash point that every process passes frequently.
    private static let frequentPoint = "sql.committing"
    /// The most changes of a disk until its power fails.
    private static let changesMax: UInt64 = 40
    /// The most hits of a crash point until the crash.
    private static let hitMax: UInt64 = 4

    let world: ShopWorld
    let entropy: SeededEntropy
    /// The names from which crash points are chosen.
    let points: [String]

    /// Runs until the world's faults have healed; injected faults are undone then.
    func run() async throws {
        let kinds = world.faults.rates.keys.filter { FaultPlan.scheduled.contains($0) }.sorted()
        guard !kinds.isEmpty else { return }
        // Each kind is injected once before any is repeated.
        var next: [SimulatedFault] = []
        while world.faults.isActive {
            try await sleep(upTo: Self.intervalMax)
            guard world.faults.isActive else { return }
            if next.isEmpty { next = shuffled(kinds) }
            await inject(next.removeLast())
            world.stores.countErrors()
        }
    }

    /// Forces the enabled faults that have not been injected yet, while faults are active.
    ///
    /// A fault without an opportunity, in a small world, is left out.
    func injectMissing() async throws {
        world.faults.forceMissing()
        for _ in 0..<Self.forceAttempts {
            world.stores.countErrors()
            let counts = world.faults.counts
            // `lateRequest` comes after the faults have healed.
            let missing = world.faults.rates.keys.filter { counts[$0] == nil && $0 != .lateRequest }.sorted()
            guard !missing.isEmpty else { return }
            for fault in missing { await force(on: fault) }
            try await world.skippedTime.sleepExcluding(for: Self.forceInterval)
        }
    }

    private func force(on fault: SimulatedFault) async {
        let orders = world.cluster.machines.first { $0.name.hasPrefix("orders") }
        switch fault {
        case .crashPoint:
            let faults = world.faults
            orders?.crash(at: Self.frequentPoint) { faults.count(.crashPoint) }
        case .syncFailure: world.stores["orders"]?.disk.fail(.syncError)
        case .diskError: world.stores["orders"]?.disk.fail(.writeError)
        case .diskFull: fillDisk(world.stores["orders"])
        case .clockSkew: if let orders { orders.crash() }
        case .staleRegistry:
            // Every service calls it, independent of the customers.
            if let log = world.cluster.machines.first(where: { $0.name.hasPrefix("eventlog") }) { log.crash() }
        case _ where FaultPlan.scheduled.contains(fault): await inject(fault)
        default: break
        }
    }

    /// Restarts crashed processes after a delay.
    func supervise() async throws {
        while true {
            try await sleep(upTo: Self.restartDelayMax)
            world.cluster.startMissing()
        }
    }

    /// Planned faults are counted when they occur.
    private func inject(_ fault: SimulatedFault) async {
        // The provider is external: it does not crash; `FaultyPaymentProvider` injects its faults.
        guard let machine = chosen(from: world.cluster.machines.filter { !$0.name.hasPrefix("provider") }) else {
            return
        }
        let faults = world.faults
        switch fault {
        case .crash:
            if entropy.number(below: 4) > 0 || !world.cluster.servers.kill(choice: entropy.next()) { machine.crash() }
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
            world.cluster.losePower(of: chosenStore(), after: changes, Survival.any(entropy)) {
                faults.count(.powerLoss)
            }
        case .outage:
            // One outage is enough to expire everything.
            guard world.skippedTime.longest == .zero else { return }
            await Outage(world: world, entropy: entropy).run()
        case .pause:
            pauseProcess(server() ?? chosen(from: world.cluster.machines) ?? machine)
            faults.count(.pause)
        case .clockJump:
            // With a database server, no stored time depends on a service's own clock.
            let server = server()
            let timesStoredData = server != nil || world.cluster.ownsStore(machine)
            (server ?? machine).time.jump(by: WrongClock.error(timesStoredData: timesStoredData, entropy))
            faults.count(.clockJump)
        case .partition:
            let all = world.cluster.machines + [world.outside]
            if let one = chosen(from: all), let other = chosen(from: all), one !== other {
                partition(one, other)
                faults.count(.partition)
            }
        case .diskFull: fillDisk(world.stores[chosenStore()])
        case .diskError:
            let error: DiskFault = [.readError, .writeError, .shortWrite][Int(entropy.number(below: 3))]
            world.stores[chosenStore()]?.disk.fail(error, after: Int(entropy.number(below: Self.changesMax)))
        case .syncFailure: world.stores[chosenStore()]?.disk.fail(.syncError)
        default: break
        }
    }

    /// A random machine, with equal probability for each service; `nil` when there are no machines.
    private func chosen(from machines: [Machine]) -> Machine? {
        guard !machines.isEmpty else { return nil }
        let services = Dictionary(grouping: machines) { String($0.name.prefix { $0 != "-" }) }.sorted {
            $0.key < $1.key
        }
        let replicas = services[Int(entropy.number(below: UInt64(services.count)))].value
        return replicas[Int(entropy.number(below: UInt64(replicas.count)))]
    }

    /// Sometimes a database server; `nil` otherwise, and where there is none.
    private func server() -> Machine? {
        entropy.number(below: 4) == 0 ? world.cluster.servers.machine(choice: entropy.next()) : nil
    }

    private func chosenStore() -> String {
        let names = world.stores.names.filter { $0 != "provider" }
        return names[Int(entropy.number(below: UInt64(names.count)))]
    }

    private func pauseProcess(_ machine: Machine) {
        machine.pause()
        schedule(within: Self.retryDelayMax) { machine.resume() }
    }

    private func partition(_ one: Machine, _ other: Machine) {
        let network = world.network
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
        let (world, length) = (world, Duration.milliseconds(Int64(1 + entropy.number(below: limit))))
        world.outside.spawn {
            let end = world.time.now + length
            while world.faults.isActive, world.time.now < end {
                try? await world.time.sleep(until: min(end, world.time.now + .milliseconds(500)))
            }
            action()
        }
    }

    private func sleep(upTo limit: UInt64) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(entropy.number(below: limit))))
    }

    private func shuffled(_ kinds: [SimulatedFault]) -> [SimulatedFault] {
        var kinds = kinds
        for last in kinds.indices.reversed() { kinds.swapAt(last, Int(entropy.number(below: UInt64(last + 1)))) }
        return kinds
    }
}
