import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedDisk

/// Brings about, from time to time, what does not wait for an opportunity: crashes, pauses, partitions, bad disks and clocks.
struct Weather: Sendable {
    /// The longest quiet time between two faults, in milliseconds.
    private static let quietLimit: UInt64 = 4_000
    /// The longest time until what crashed is started again, in milliseconds.
    private static let restartLimit: UInt64 = 5_000
    /// The longest pause of a process: longer than any lease.
    private static let pauseLimit: UInt64 = 60_000
    private static let partitionLimit: UInt64 = 30_000
    private static let diskFullLimit: UInt64 = 5_000
    /// How often what has not happened by itself is insisted on, for longer together than any pause.
    private static let completionTurns = 24
    private static let completionStep = Duration.seconds(5)
    /// A boundary that every process passes all the time.
    private static let everyday = "sql.committing"
    /// Changes of a disk until its power fails, at most.
    private static let changesLimit: UInt64 = 40
    /// Hits of a crash point that are waited for, at most.
    private static let hitLimit: UInt64 = 4

    let world: ShopWorld
    let entropy: SeededEntropy
    /// The names from which crash points are chosen.
    let points: [String]

    /// Goes on until the world's faults have healed; what it broke is whole again then.
    func run() async throws {
        let kinds = world.faults.rates.keys.filter { FaultPlan.scheduled.contains($0) }.sorted()
        guard !kinds.isEmpty else { return }
        // Each kind comes once before any comes again.
        var next: [SimulatedFault] = []
        while world.faults.isActive {
            try await pause(Self.quietLimit)
            guard world.faults.isActive else { return }
            if next.isEmpty { next = shuffled(kinds) }
            await bring(next.removeLast())
            world.countDiskErrors()
        }
    }

    /// Brings about what was enabled and has not happened by itself, while faults still may.
    ///
    /// What never had an opportunity, in a small world, is left out.
    func complete() async throws {
        world.faults.insist()
        for _ in 0..<Self.completionTurns {
            world.countDiskErrors()
            let counts = world.faults.counts
            // Late is when the faults have healed.
            let missing = world.faults.rates.keys.filter { counts[$0] == nil && $0 != .lateRequest }.sorted()
            guard !missing.isEmpty else { return }
            for fault in missing { await insist(on: fault) }
            try await world.stay(for: Self.completionStep)
        }
    }

    private func insist(on fault: SimulatedFault) async {
        let orders = world.machines.first { $0.name.hasPrefix("orders") }
        switch fault {
        case .crashPoint:
            let faults = world.faults
            orders?.crash(at: Self.everyday) { faults.count(.crashPoint) }
        case .syncFailure: world.stores["orders"]?.disk.fail(.syncError)
        case .diskError: world.stores["orders"]?.disk.fail(.writeError)
        case .diskFull: fill(world.stores["orders"])
        case .clockSkew: if let orders { world.end(orders) }
        case .staleRegistry:
            // Everybody looks for it, whatever the customers do.
            if let log = world.machines.first(where: { $0.name.hasPrefix("eventlog") }) { world.end(log) }
        case _ where FaultPlan.scheduled.contains(fault): await bring(fault)
        default: break
        }
    }

    /// Starts again what has ended, a while after it did.
    func supervise() async throws {
        while true {
            try await pause(Self.restartLimit)
            world.startMissing()
        }
    }

    /// What waits for its moment is counted when that has come.
    private func bring(_ fault: SimulatedFault) async {
        // The provider is the world outside: it does not break, it is moody.
        guard let machine = chosen(from: world.machines.filter { !$0.name.hasPrefix("provider") }) else { return }
        let faults = world.faults
        switch fault {
        case .crash:
            if entropy.number(below: 4) > 0 || !world.endServer(choice: entropy.next()) { world.end(machine) }
            faults.count(.crash)
        case .crashPoint:
            // Mostly where this machine has been before: many points belong to other services.
            let passed = machine.hits.keys.sorted()
            let choices = passed.isEmpty || entropy.number(below: 4) == 0 ? points : passed
            guard !choices.isEmpty else { return }
            let point = choices[Int(entropy.number(below: UInt64(choices.count)))]
            let hit = 1 + Int(entropy.number(below: Self.hitLimit))
            machine.crash(at: point, hit: hit) { faults.count(.crashPoint) }
        case .powerLoss:
            // In the middle of something: between two commits nothing is left to lose.
            let changes = Int(entropy.number(below: Self.changesLimit))
            world.losePower(of: chosenStore(), after: changes, Survival.any(entropy)) { faults.count(.powerLoss) }
        case .outage:
            // Once is enough for everything to be old.
            guard world.longestLeap == .zero else { return }
            await Outage(world: world, entropy: entropy).come()
        case .pause:
            freeze(server() ?? chosen(from: world.machines) ?? machine)
            faults.count(.pause)
        case .clockJump:
            // Where the database is another computer, nothing that is stored goes by a service's own clock.
            let server = server()
            let judges = server != nil || world.ownsStore(machine)
            (server ?? machine).time.jump(by: WrongClock.error(judges: judges, entropy))
            faults.count(.clockJump)
        case .partition:
            let all = world.machines + [world.outside]
            if let one = chosen(from: all), let other = chosen(from: all), one !== other {
                part(one, other)
                faults.count(.partition)
            }
        case .diskFull: fill(world.stores[chosenStore()])
        case .diskError:
            let error: DiskFault = [.readError, .writeError, .shortWrite][Int(entropy.number(below: 3))]
            world.stores[chosenStore()]?.disk.fail(error, after: Int(entropy.number(below: Self.changesLimit)))
        case .syncFailure: world.stores[chosenStore()]?.disk.fail(.syncError)
        default: break
        }
    }

    /// Every service as often as any other, however many replicas it has; `nil` when there are no machines.
    private func chosen(from machines: [Machine]) -> Machine? {
        guard !machines.isEmpty else { return nil }
        let services = Dictionary(grouping: machines) { String($0.name.prefix { $0 != "-" }) }.sorted {
            $0.key < $1.key
        }
        let replicas = services[Int(entropy.number(below: UInt64(services.count)))].value
        return replicas[Int(entropy.number(below: UInt64(replicas.count)))]
    }

    /// A database server now and then; `nil` otherwise, and where there is none.
    private func server() -> Machine? {
        entropy.number(below: 4) == 0 ? world.server(choice: entropy.next()) : nil
    }

    private func chosenStore() -> String {
        let names = world.stores.keys.filter { $0 != "provider" }.sorted()
        return names[Int(entropy.number(below: UInt64(names.count)))]
    }

    private func freeze(_ machine: Machine) {
        machine.pause()
        later(Self.pauseLimit) { machine.resume() }
    }

    private func part(_ one: Machine, _ other: Machine) {
        let network = world.network
        network.cut(one, other)
        later(Self.partitionLimit) { network.reconnect(one, other) }
    }

    private func fill(_ store: Store?) {
        guard let disk = store?.disk else { return }
        disk.faults.bytesMax = disk.image.bytes
        later(Self.diskFullLimit) { disk.faults.bytesMax = nil }
    }

    /// Does `action` after a while, whatever becomes of the machines; at once when the faults heal before.
    private func later(_ limit: UInt64, _ action: @escaping @Sendable () -> Void) {
        let (world, length) = (world, Duration.milliseconds(Int64(1 + entropy.number(below: limit))))
        world.outside.spawn {
            let end = world.time.now + length
            while world.faults.isActive, world.time.now < end {
                try? await world.time.sleep(until: min(end, world.time.now + .milliseconds(500)))
            }
            action()
        }
    }

    private func pause(_ limit: UInt64) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(entropy.number(below: limit))))
    }

    private func shuffled(_ kinds: [SimulatedFault]) -> [SimulatedFault] {
        var kinds = kinds
        for last in kinds.indices.reversed() { kinds.swapAt(last, Int(entropy.number(below: UInt64(last + 1)))) }
        return kinds
    }
}
