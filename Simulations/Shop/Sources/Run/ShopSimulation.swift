import CatalogContract
import InventoryContract
import MartletContract
import MartletCore
import MartletMessaging
import MartletSimulation
import MartletTesting
import Orders
import SharedContract
import SimulatedDisk
import SwiftProtobuf

/// The whole shop under a seed: set up, put under load and faults, healed, and checked.
public struct ShopSimulation: Sendable {
    /// How long after the faults have healed the world must be quiescent.
    public static let convergenceLimit = Duration.seconds(600)
    /// The same for the control: lost events never arrive.
    private static let controlLimit = Duration.seconds(60)
    private static let pollInterval = Duration.seconds(1)
    private static let pollIntervalMax = Duration.seconds(20)
    /// For how long faults stay active after the last customer has arrived.
    private static let aftermath = Duration.seconds(20)
    /// The same with paused processes: longer than their leases.
    private static let pausedAftermath = Duration.seconds(75)
    /// Step limits, many times what a world needs: an endless loop must end.
    private static let stepsOfWorld = 1_000_000
    private static let stepsOfOrder = 20_000
    private static let spanLimit = Duration.seconds(100 * 24 * 3_600)
    private static let replicasLimit: UInt64 = 3
    /// A world with fewer customers may have only one opportunity for a fault.
    private static let smallWorld = 50
    private static let firstOpportunities = 24
    /// Replicas of a cluster with planned crashes: one keeps running while the other is down.
    private static let crashReplicas = 2

    private let templates: [String: DiskImage]
    /// The names of crash points.
    private let points: [String]

    /// - Parameter points: Names of crash points.
    public init(points: [String]) throws {
        templates = try Deployment.templates()
        self.points = points
    }

    public func run(_ scenario: Scenario) -> SimulationResult { run(scenario, alongside: nil) }

    /// - Parameter extraTask: Runs beside the customers, for tests of what a world detects.
    func run(_ scenario: Scenario, alongside extraTask: (@Sendable () async throws -> Void)?) -> SimulationResult {
        var limits = Simulation.Limits()
        limits.span = Self.spanLimit
        limits.steps = Self.stepsOfWorld + scenario.orders * Self.stepsOfOrder
        let simulation = Simulation(seed: scenario.seed, limits: limits)
        let entropy = SeededEntropy(seed: scenario.seed)
        let drawn = Topology.allCases[Int(entropy.number(below: 2))]
        // Faults that were requested by name must be possible.
        let needsCluster = scenario.isWhole && !scenario.faults.isDisjoint(with: FaultPlan.clusterOnly)
        let topology = scenario.crashes?.topology ?? (needsCluster ? .cluster : drawn)
        let crashSchedule = scenario.crashes.map(CrashSchedule.init)
        let plan = FaultPlan(
            scenario.faults,
            isWhole: scenario.isWhole,
            topology: topology,
            entropy: entropy.fork()
        )
        let drawnReplicas = 1 + Int(entropy.number(below: Self.replicasLimit))
        // Two versions need two processes.
        let replicasMin = scenario.crashes != nil || plan.rates[.mixedVersions] != nil ? Self.crashReplicas : 1
        let replicas = scenario.crashes == nil ? max(replicasMin, drawnReplicas) : Self.crashReplicas
        let world = ShopWorld(
            simulation,
            topology: topology,
            replicas: replicas,
            templates: templates,
            faults: FaultInjector(
                plan.rates,
                first: scenario.orders < Self.smallWorld ? 1 : Self.firstOpportunities,
                entropy: entropy.fork()
            ),
            entropy: entropy.fork(),
            variant: scenario.variant,
            crashSchedule: crashSchedule
        )
        let (workload, observations) = (
            scenario.crashes.map { .crashPoints($0.rounds) }
                ?? Workload(orders: scenario.orders, entropy: entropy.fork()),
            ClientObservations()
        )
        let course = Course(
            world: world,
            workload: workload,
            observations: observations,
            entropy: entropy.fork(),
            points: points,
            backgroundOperations: scenario.crashes.map { BackgroundOperations(world: world, rounds: $0.rounds) },
            poisonMessages: PoisonMessages(
                world: world,
                observations: observations,
                duration: workload.duration,
                entropy: entropy.fork()
            ),
            extraTask: extraTask
        )
        defer {
            world.close()
            simulation.runRemaining()
        }
        let begin = simulation.time.now
        var violations: [Violation] = []
        var ending: Ending?
        do {
            ending = try simulation.run { try await course.run() }
        } catch {
            let details = (world.missing + world.frequentFailures).joined(separator: ", ")
            violations = [Violation(.notConverged, "the run did not end: \(error); \(details)")]
        }
        violations += ending?.violations ?? []
        violations += course.observations.violations
        violations += world.reports.map { Violation(.crashed, $0) }
        let missing = plan.rates.keys.filter { world.faults.counts[$0] == nil }.sorted()
        for fault in missing where scenario.isWhole {
            violations.append(Violation(.notConverged, "the fault \(fault.rawValue) was enabled and never injected"))
        }
        if let crashes = scenario.crashes, !crashes.rules.isEmpty, crashSchedule?.fired == 0 {
            violations.append(Violation(.notConverged, "nothing passed the first crash point of \(crashes.text)"))
        }
        return SimulationResult(
            seed: scenario.seed,
            orders: scenario.orders,
            topology: topology.rawValue,
            hash: Self.hash(simulation, world, ending?.history.snapshot),
            steps: simulation.executor.steps,
            foreignJobs: simulation.executor.foreignJobs,
            simulatedMilliseconds: (simulation.time.now - begin - world.skipped).milliseconds,
            leaptMilliseconds: world.skipped.milliseconds,
            outcomes: ending?.outcomes ?? [:],
            calls: world.network.counts.calls,
            failedCalls: world.network.counts.failures,
            events: ending?.history.snapshot.published.count ?? 0,
            enabled: plan.rates.keys.map(\.rawValue).sorted(),
            idle: missing.filter { world.faults.opportunities[$0] == nil }.map(\.rawValue),
            faults: Dictionary(uniqueKeysWithValues: world.faults.counts.map { ($0.key.rawValue, $0.value) }),
            points: world.points,
            crashes: scenario.crashes,
            fired: crashSchedule?.fired ?? 0,
            sites: crashSchedule?.sites ?? [:],
            findings: violations.map {
                SimulationResult.Finding(
                    invariant: $0.invariant.rawValue,
                    what: $0.what,
                    aggregate: $0.aggregate,
                    history: ending?.history.lines(of: $0.aggregate) ?? []
                )
            }
        )
    }

    private static func hash(_ simulation: Simulation, _ world: ShopWorld, _ snapshot: StateSnapshot?) -> String {
        var hash = simulation.executor.trace
        hash.add(world.network.trace.description)
        snapshot?.add(to: &hash)
        return hash.description
    }

    /// The result of one course.
    struct Ending: Sendable {
        let violations: [Violation]
        let outcomes: [String: Int]
        let history: History
    }

    /// One world from its setup to its invariant checks.
    struct Course: Sendable {
        let world: ShopWorld
        let workload: Workload
        let observations: ClientObservations
        let entropy: SeededEntropy
        let points: [String]
        /// Operations besides the customers, if any.
        let backgroundOperations: BackgroundOperations?
        let poisonMessages: PoisonMessages
        let extraTask: (@Sendable () async throws -> Void)?

        func run() async throws -> Ending {
            world.startAll()
            let faultScheduler = FaultScheduler(world: world, entropy: entropy.fork(), points: points)
            let customers = workload.scripts.map {
                SimulatedCustomer(
                    $0,
                    in: world,
                    observations: observations,
                    entropy: entropy.fork(),
                    convergenceTime: convergenceTime
                )
            }
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await faultScheduler.supervise() }
                try await open()
                world.faults.begin()
                group.addTask { try await watch() }
                defer { group.cancelAll() }
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for customer in customers { tasks.addTask { try await customer.run() } }
                    tasks.addTask { try await faultScheduler.run() }
                    let rollout = Rollout(world: world, entropy: entropy.fork())
                    tasks.addTask { try await rollout.run() }
                    if let backgroundOperations { tasks.addTask { try await backgroundOperations.run() } }
                    tasks.addTask { try await poisonMessages.run() }
                    if let extraTask { tasks.addTask { try await extraTask() } }
                    tasks.addTask {
                        try await world.sleepExcludingSkips(for: workload.duration + aftermathLength)
                        try await faultScheduler.injectMissing()
                        world.heal()
                    }
                    try await tasks.waitForAll()
                }
                var pending = try await waitUntilIdle(since: world.healedAt ?? world.time.now)
                // A later outage excuses no rejection of this workload.
                let longestOutage = world.longestSkip
                if pending.isEmpty, world.faults.rates[.lateRequest] != nil {
                    try await returnLater(customers)
                    pending = try await waitUntilIdle(since: world.time.now)
                }
                let snapshot = try await self.snapshot()
                var violations = InvariantChecker(
                    acknowledged: observations.orders,
                    snapshot: snapshot,
                    workload: workload,
                    longestOutage: longestOutage
                ).violations
                if !pending.isEmpty {
                    let details =
                        ["not quiescent after the faults had healed"] + pending + world.missing + world.frequentFailures
                    violations.insert(Violation(.notConverged, details.joined(separator: "; ")), at: 0)
                }
                let outcomes = Dictionary(snapshot.orders.values.map { ($0.status, 1) }, uniquingKeysWith: +)
                return Ending(
                    violations: violations,
                    outcomes: outcomes,
                    history: History(acknowledged: observations.orders, snapshot: snapshot)
                )
            }
        }

        private func snapshot() async throws -> StateSnapshot {
            try await StateSnapshot(
                of: world,
                external: try (backgroundOperations?.expected() ?? []) + poisonMessages.expected()
            )
        }

        private var aftermathLength: Duration {
            guard backgroundOperations == nil else { return .zero }
            return world.faults.rates[.pause] == nil ? aftermath : pausedAftermath
        }

        /// Imports the catalogue and the opening stock, before faults are active.
        private func open() async throws {
            let since = Google_Protobuf_Timestamp(world.time.date - .seconds(86_400))
            let products = workload.prices.sorted { $0.key < $1.key }.map { sku, pence in
                ImportedProduct.with {
                    $0.sku = sku
                    $0.name = "A \(sku)"
                    $0.stocked = true
                    $0.prices = [
                        .with {
                            $0.unitPrice = UnitPrice(Amount(nanos: Int128(pence) * 10_000_000), currency: "GBP")
                            $0.effectiveFrom = since
                        }
                    ]
                }
            }
            let catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
            let inventory = InventoryClient(over: world.network.channel(from: world.outside, to: "inventory"))
            try await untilDone {
                _ = try await catalog.importProducts(.with { $0.products = products }, context: merchant("import"))
            }
            let delivery = ReceiveRequest.with {
                $0.deliveryID = "opening"
                $0.kind = .purchase
                $0.lines = workload.openingStock.sorted { $0.key < $1.key }.map { sku, units in
                    .with {
                        $0.sku = sku
                        $0.quantity = UInt32(units)
                    }
                }
            }
            try await untilDone { _ = try await inventory.receive(delivery, context: merchant("opening")) }
        }

        private func untilDone(_ action: () async throws -> Void) async throws {
            while true {
                do { return try await action() } catch {
                    try Task.checkCancellation()
                    try await world.time.sleep(for: .milliseconds(100))
                }
            }
        }

        private func merchant(_ key: String) -> CallContext {
            CallContext(
                deadline: world.time.now + .seconds(10),
                principal: Principal(
                    kind: .user,
                    id: "merchant",
                    scopes: ["catalog:write", "inventory:read", "inventory:write"]
                ),
                idempotencyKey: key
            )
        }

        /// Polls the invariants that must hold at every moment.
        private func watch() async throws {
            while true {
                try await world.time.sleep(for: pollInterval)
                if let providerPayments = try? await StateSnapshot.providerPayments(in: world) {
                    let captures = Dictionary(providerPayments.map { ($0.reference, $0.captures) }, uniquingKeysWith: +)
                    for (order, count) in captures.sorted(by: { $0.key < $1.key }) where count > 1 {
                        observations.record(Violation(.chargedTwice, "captured \(count) times", order))
                    }
                }
                if let stock = try? await StateSnapshot.stock(in: world) {
                    for row in stock where row.available < 0 || row.onHand < 0 || row.available > row.onHand {
                        observations.record(
                            Violation(.oversold, "\(row.sku): \(row.available) available, \(row.onHand) on hand")
                        )
                    }
                }
            }
        }

        /// How long after the faults have healed the world may take to become quiescent.
        private var convergenceTime: Duration { world.variant == .naive ? controlLimit : convergenceLimit }

        /// Runs late requests of customers, days after all work has ended.
        private func returnLater(_ customers: [SimulatedCustomer]) async throws {
            let keysExpired = try await Outage(world: world, entropy: entropy.fork()).runWhenIdle()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for customer in customers { tasks.addTask { try await customer.returnLater(keysExpired: keysExpired) } }
                try await tasks.waitForAll()
            }
        }

        /// Waits until the world is quiescent; returns the pending work when that takes too long.
        private func waitUntilIdle(since begin: Moment) async throws -> [String] {
            let end = begin + convergenceTime
            var interval = pollInterval
            while world.time.now < end {
                world.startMissing()
                if try await pendingWork().isEmpty { return [] }
                try await world.time.sleep(for: interval)
                // Work that is still pending takes long, or never ends.
                interval = min(interval * 1.25, pollIntervalMax)
            }
            return try await pendingWork()
        }

        /// The pending work; empty when the world is quiescent.
        private func pendingWork() async throws -> [String] {
            guard let snapshot = try? await self.snapshot() else { return ["a database does not respond"] }
            let runs = snapshot.runs.filter { $0.state == "open" }
            let returns = snapshot.orders.values.filter { $0.openReturns != 0 }
            let counts = [
                ("events are not published", snapshot.unsent), ("runs are open", runs.count),
                ("orders have open returns", returns.count),
                ("events have not reached the auditor", max(0, snapshot.published.count - snapshot.audited.count)),
            ]
            return counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
                + snapshot.waiting.map { "\($0.events) events wait for \($0.group)" }
        }
    }
}
