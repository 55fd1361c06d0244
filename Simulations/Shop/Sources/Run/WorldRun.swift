import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedCluster

/// The run of one world, from its setup to its invariant checks.
struct WorldRun: Sendable {
    /// The results at the end of a run.
    struct Ending: Sendable {
        let violations: [Violation]
        let outcomes: [String: Int]
        let history: History
    }

    /// For how long faults stay active after the last customer has arrived.
    private static let faultsAfterArrivals = Duration.seconds(20)
    /// The same with paused processes: longer than their leases.
    private static let faultsAfterArrivalsWithPauses = Duration.seconds(75)

    let world: ShopWorld
    let observations = ClientObservations()
    private let workload: Workload
    private let entropy: SeededEntropy
    /// Names of crash points.
    private let points: [String]
    /// Operations besides the customers, if any.
    private let backgroundOperations: BackgroundOperations?
    private let poisonMessages: PoisonMessages
    private let endingEvents: EndingEvents
    private let convergence: Convergence
    private let extraTask: (@Sendable () async throws -> Void)?

    /// - Parameters:
    ///   - rounds: How often the operations besides the customers are repeated; `nil` without them.
    ///   - points: Names of crash points.
    init(
        world: ShopWorld,
        workload: Workload,
        rounds: Int?,
        entropy: SeededEntropy,
        points: [String],
        extraTask: (@Sendable () async throws -> Void)?
    ) {
        self.world = world
        self.workload = workload
        self.entropy = entropy.fork()
        self.points = points
        self.extraTask = extraTask
        backgroundOperations = rounds.map { BackgroundOperations(world: world, rounds: $0) }
        poisonMessages = PoisonMessages(
            world: world,
            observations: observations,
            duration: workload.duration,
            entropy: entropy.fork()
        )
        endingEvents = EndingEvents(
            world: world,
            observations: observations,
            duration: workload.duration,
            entropy: entropy.fork()
        )
        convergence = Convergence(
            world: world,
            backgroundOperations: backgroundOperations,
            poisonMessages: poisonMessages,
            endingEvents: endingEvents
        )
    }

    func run() async throws -> Ending {
        world.cluster.startAll()
        let faultScheduler = FaultScheduler(
            of: world.cluster,
            entropy: entropy.fork(),
            points: points,
            target: "orders",
            restorable: world.variant == .martlet ? AuditorService.name : nil,
            outage: { [world] in await Outage(world: world, entropy: $0).run() }
        )
        let customers = workload.scripts.map {
            SimulatedCustomer(
                $0,
                in: world,
                observations: observations,
                entropy: entropy.fork(),
                convergenceTime: convergence.limit
            )
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await faultScheduler.supervise() }
            // Before faults are active.
            try await Merchant(world: world, observations: observations).open(workload)
            if world.faults.rates[.earlyDeadlines] != nil {
                try await EarlyDeadlineCaller(in: world, observations: observations, entropy: entropy.fork()).run()
            }
            world.faults.begin()
            if world.faults.rates[.otherEffect] != nil {
                let clerk = PaymentClerk(world: world, entropy: entropy.fork())
                group.addTask { try await clerk.run() }
            }
            if world.variant == .martlet, backgroundOperations != nil || !world.faults.rates.isEmpty {
                let (cluster, endingHandlers) = (world.cluster, world.endingHandlers)
                let killed = KilledEvents(of: cluster, services: world.consumingServices) { group, key in
                    endingHandlers.isDefective(for: key, in: group)
                }
                group.addTask { try await killed.run() }
            }
            group.addTask { try await ContinuousChecker(world: world, observations: observations).run() }
            defer { group.cancelAll() }
            try await load(customers, faultScheduler)
            return try await end(customers)
        }
    }

    /// Runs the customers under faults, until all have finished and the faults have healed.
    private func load(_ customers: [SimulatedCustomer], _ faultScheduler: FaultScheduler) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for customer in customers { tasks.addTask { try await customer.run() } }
            tasks.addTask { try await faultScheduler.run() }
            let rollout = Rollout(world: world, entropy: entropy.fork())
            tasks.addTask { try await rollout.run() }
            if world.upgrades.service != nil {
                let breaking = BreakingRollout(world: world, entropy: entropy.fork())
                tasks.addTask { try await breaking.run() }
            }
            if let backgroundOperations { tasks.addTask { try await backgroundOperations.run() } }
            tasks.addTask { try await poisonMessages.run() }
            tasks.addTask { try await endingEvents.run() }
            if let extraTask { tasks.addTask { try await extraTask() } }
            tasks.addTask {
                try await world.skippedTime.sleepExcluding(for: workload.duration + lengthAfterArrivals)
                try await faultScheduler.injectMissing()
                world.cluster.heal()
            }
            try await tasks.waitForAll()
        }
    }

    private var lengthAfterArrivals: Duration {
        guard backgroundOperations == nil else { return .zero }
        return world.faults.rates[.pause] == nil ? Self.faultsAfterArrivals : Self.faultsAfterArrivalsWithPauses
    }

    /// Waits until the world is quiescent, with late requests after that, and checks it.
    private func end(_ customers: [SimulatedCustomer]) async throws -> Ending {
        var pending = try await convergence.wait(since: world.healedAt ?? world.time.now)
        // A later outage excuses no rejection of this workload.
        let longestOutage = world.skippedTime.longest
        if pending.isEmpty, world.faults.rates[.lateRequest] != nil {
            try await sendLateRequests(of: customers)
            pending = try await convergence.wait(since: world.time.now)
        }
        let snapshot = try await convergence.snapshot(checksInvariants: true)
        var violations = InvariantChecker(
            acknowledged: observations.orders,
            snapshot: snapshot,
            workload: workload,
            longestOutage: longestOutage
        ).violations
        if !pending.isEmpty {
            let details = ["not quiescent after the faults had healed"] + pending + world.cluster.diagnosis
            violations.insert(Violation(.notConverged, details.joined(separator: "; ")), at: 0)
        }
        if pending.isEmpty, world.variant == .martlet {
            violations += try await RelayCheck(of: world.cluster).violations().map { Violation(.notConverged, $0) }
            violations += try await DeniedCalls(in: world).violations()
            let texts = CustomerTextCheck(world: world)
            violations += try await texts.misplaced()
            // In worlds whose times span days anyway.
            if world.faults.rates[.lateRequest] != nil { violations += try await texts.kept() }
        }
        let outcomes = Dictionary(snapshot.orders.values.map { ($0.status, 1) }, uniquingKeysWith: +)
        return Ending(
            violations: violations,
            outcomes: outcomes,
            history: History(acknowledged: observations.orders, snapshot: snapshot)
        )
    }

    /// Sends late requests of customers, days after all work has ended.
    private func sendLateRequests(of customers: [SimulatedCustomer]) async throws {
        let keysExpired = try await Outage(world: world, entropy: entropy.fork()).runWhenIdle()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for customer in customers { tasks.addTask { try await customer.sendLateRequest(keysExpired: keysExpired) } }
            try await tasks.waitForAll()
        }
    }
}
