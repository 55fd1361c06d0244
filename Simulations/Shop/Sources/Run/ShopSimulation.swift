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

/// The whole shop under a seed: opened, visited, hurt, healed, and audited.
public struct ShopSimulation: Sendable {
    /// How long after the faults have healed everything must have come to rest.
    public static let convergenceLimit = Duration.seconds(600)
    /// The same for the control: what it has lost will never come.
    private static let controlLimit = Duration.seconds(60)
    private static let look = Duration.seconds(1)
    private static let lookLimit = Duration.seconds(20)
    /// For how long faults go on after the last customer has come.
    private static let aftermath = Duration.seconds(20)
    /// As above where processes are frozen: long enough for one to outlive its leases.
    private static let frozenAftermath = Duration.seconds(75)
    /// What a world may take, many times what it needs: a loop without a pause must end.
    private static let stepsOfWorld = 1_000_000
    private static let stepsOfOrder = 20_000
    private static let spanLimit = Duration.seconds(100 * 24 * 3_600)
    private static let replicasLimit: UInt64 = 3
    /// A world of fewer customers may have no second opportunity for a fault.
    private static let smallWorld = 50
    private static let firstOpportunities = 24
    /// Replicas of a cluster whose crashes are planned: one goes on while the other is away.
    private static let rehearsing = 2

    private let templates: [String: DiskImage]
    /// Where machines may be made to crash.
    private let points: [String]

    /// - Parameter points: Names of crash points.
    public init(points: [String]) throws {
        templates = try Deployment.templates()
        self.points = points
    }

    public func run(_ scenario: Scenario) -> Verdict { run(scenario, beside: nil) }

    /// - Parameter guest: What goes on beside the customers, for tests of what a world notices; `nil` when nothing does.
    func run(_ scenario: Scenario, beside guest: (@Sendable () async throws -> Void)?) -> Verdict {
        var limits = Simulation.Limits()
        limits.span = Self.spanLimit
        limits.steps = Self.stepsOfWorld + scenario.orders * Self.stepsOfOrder
        let simulation = Simulation(seed: scenario.seed, limits: limits)
        let entropy = SeededEntropy(seed: scenario.seed)
        let drawn = Topology.allCases[Int(entropy.number(below: 2))]
        // What was asked for by name must be able to happen.
        let needsCluster = scenario.isWhole && !scenario.faults.isDisjoint(with: FaultPlan.clusterOnly)
        let topology = scenario.crashes?.topology ?? (needsCluster ? .cluster : drawn)
        let ambush = scenario.crashes.map(Ambush.init)
        let plan = FaultPlan(
            scenario.faults,
            isWhole: scenario.isWhole,
            topology: topology,
            entropy: entropy.fork()
        )
        let drawnReplicas = 1 + Int(entropy.number(below: Self.replicasLimit))
        // Two versions need two processes.
        let least = scenario.crashes != nil || plan.rates[.mixedVersions] != nil ? Self.rehearsing : 1
        let replicas = scenario.crashes == nil ? max(least, drawnReplicas) : Self.rehearsing
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
            ambush: ambush
        )
        let (market, witness) = (
            scenario.crashes.map { .rehearsed($0.rounds) } ?? Market(orders: scenario.orders, entropy: entropy.fork()),
            Witness()
        )
        let course = Course(
            world: world,
            market: market,
            witness: witness,
            entropy: entropy.fork(),
            points: points,
            upkeep: scenario.crashes.map { Upkeep(world: world, rounds: $0.rounds) },
            poison: Poison(world: world, witness: witness, day: market.day, entropy: entropy.fork()),
            guest: guest
        )
        defer {
            world.close()
            simulation.windUp()
        }
        let begin = simulation.time.now
        var violations: [Violation] = []
        var ending: Ending?
        do {
            ending = try simulation.run { try await course.run() }
        } catch {
            let busy = (world.missing + world.complaints).joined(separator: ", ")
            violations = [Violation(.notConverged, "the run did not end: \(error); \(busy)")]
        }
        violations += ending?.violations ?? []
        violations += course.witness.violations
        violations += world.reports.map { Violation(.crashed, $0) }
        let missing = plan.rates.keys.filter { world.faults.counts[$0] == nil }.sorted()
        for fault in missing where scenario.isWhole {
            violations.append(Violation(.notConverged, "the fault \(fault.rawValue) was enabled and never happened"))
        }
        if let crashes = scenario.crashes, !crashes.traps.isEmpty, ambush?.sprung == 0 {
            violations.append(Violation(.notConverged, "nothing passed the first crash point of \(crashes.text)"))
        }
        return Verdict(
            seed: scenario.seed,
            orders: scenario.orders,
            topology: topology.rawValue,
            hash: Self.hash(simulation, world, ending?.history.books),
            steps: simulation.executor.steps,
            foreignJobs: simulation.executor.foreignJobs,
            simulatedMilliseconds: (simulation.time.now - begin - world.leapt).milliseconds,
            leaptMilliseconds: world.leapt.milliseconds,
            outcomes: ending?.outcomes ?? [:],
            calls: world.network.counts.calls,
            failedCalls: world.network.counts.failures,
            events: ending?.history.books.published.count ?? 0,
            enabled: plan.rates.keys.map(\.rawValue).sorted(),
            idle: missing.filter { world.faults.opportunities[$0] == nil }.map(\.rawValue),
            faults: Dictionary(uniqueKeysWithValues: world.faults.counts.map { ($0.key.rawValue, $0.value) }),
            points: world.points,
            crashes: scenario.crashes,
            sprung: ambush?.sprung ?? 0,
            sites: ambush?.sites ?? [:],
            findings: violations.map {
                Verdict.Finding(
                    invariant: $0.invariant.rawValue,
                    what: $0.what,
                    aggregate: $0.aggregate,
                    history: ending?.history.lines(of: $0.aggregate) ?? []
                )
            }
        )
    }

    private static func hash(_ simulation: Simulation, _ world: ShopWorld, _ books: Books?) -> String {
        var hash = simulation.executor.trace
        hash.add(world.network.trace.description)
        books?.add(to: &hash)
        return hash.description
    }

    /// What a run leaves.
    struct Ending: Sendable {
        let violations: [Violation]
        let outcomes: [String: Int]
        let history: History
    }

    /// One world from its opening to its audit.
    struct Course: Sendable {
        let world: ShopWorld
        let market: Market
        let witness: Witness
        let entropy: SeededEntropy
        let points: [String]
        /// What goes on beside the customers, if anything does.
        let upkeep: Upkeep?
        let poison: Poison
        let guest: (@Sendable () async throws -> Void)?

        func run() async throws -> Ending {
            world.startAll()
            let weather = Weather(world: world, entropy: entropy.fork(), points: points)
            let shoppers = market.errands.map {
                Shopper($0, in: world, witness: witness, entropy: entropy.fork(), patience: patience)
            }
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await weather.supervise() }
                try await open()
                world.faults.begin()
                group.addTask { try await watch() }
                defer { group.cancelAll() }
                try await withThrowingTaskGroup(of: Void.self) { visit in
                    for shopper in shoppers { visit.addTask { try await shopper.run() } }
                    visit.addTask { try await weather.run() }
                    let rollout = Rollout(world: world, entropy: entropy.fork())
                    visit.addTask { try await rollout.run() }
                    if let upkeep { visit.addTask { try await upkeep.run() } }
                    visit.addTask { try await poison.run() }
                    if let guest { visit.addTask { try await guest() } }
                    visit.addTask {
                        try await world.stay(for: market.day + rest)
                        try await weather.complete()
                        world.heal()
                    }
                    try await visit.waitForAll()
                }
                var left = try await settle(since: world.healedAt ?? world.time.now)
                // What comes later excuses nothing of this day.
                let absence = world.longestLeap
                if left.isEmpty, world.faults.rates[.lateRequest] != nil {
                    try await comeBack(shoppers)
                    left = try await settle(since: world.time.now)
                }
                let books = try await self.books()
                var violations = Audit(
                    told: witness.orders,
                    books: books,
                    market: market,
                    absence: absence
                ).violations
                if !left.isEmpty {
                    let why = ["no rest after the faults had healed"] + left + world.missing + world.complaints
                    violations.insert(Violation(.notConverged, why.joined(separator: "; ")), at: 0)
                }
                let outcomes = Dictionary(books.orders.values.map { ($0.status, 1) }, uniquingKeysWith: +)
                return Ending(
                    violations: violations,
                    outcomes: outcomes,
                    history: History(told: witness.orders, books: books)
                )
            }
        }

        private func books() async throws -> Books {
            try await Books(of: world, elsewhere: try (upkeep?.mended() ?? []) + poison.expected())
        }

        private var rest: Duration {
            guard upkeep == nil else { return .zero }
            return world.faults.rates[.pause] == nil ? aftermath : frozenAftermath
        }

        /// Fills the catalogue and the shelves, while nothing goes wrong yet.
        private func open() async throws {
            let since = Google_Protobuf_Timestamp(world.time.date - .seconds(86_400))
            let products = market.prices.sorted { $0.key < $1.key }.map { sku, pence in
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
                $0.lines = market.opening.sorted { $0.key < $1.key }.map { sku, units in
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

        /// What must hold at every moment, looked at again and again.
        private func watch() async throws {
            while true {
                try await world.time.sleep(for: look)
                if let wallets = try? await Books.wallets(in: world) {
                    let captures = Dictionary(wallets.map { ($0.reference, $0.captures) }, uniquingKeysWith: +)
                    for (order, count) in captures.sorted(by: { $0.key < $1.key }) where count > 1 {
                        witness.saw(Violation(.chargedTwice, "captured \(count) times", order))
                    }
                }
                if let stock = try? await Books.stock(in: world) {
                    for row in stock where row.available < 0 || row.onHand < 0 || row.available > row.onHand {
                        witness.saw(
                            Violation(.oversold, "\(row.sku): \(row.available) available, \(row.onHand) on hand")
                        )
                    }
                }
            }
        }

        /// How long after the faults have healed anything may still be on its way.
        private var patience: Duration { world.variant == .naive ? controlLimit : convergenceLimit }

        /// Lets customers come again, days after everything was done.
        private func comeBack(_ shoppers: [Shopper]) async throws {
            let isForgotten = try await Outage(world: world, entropy: entropy.fork()).comeAtRest()
            try await withThrowingTaskGroup(of: Void.self) { visit in
                for shopper in shoppers { visit.addTask { try await shopper.comeBack(isForgotten: isForgotten) } }
                try await visit.waitForAll()
            }
        }

        /// Waits until nothing is on its way any more; returns what still is when that takes too long.
        private func settle(since begin: Moment) async throws -> [String] {
            let end = begin + patience
            var pause = look
            while world.time.now < end {
                world.startMissing()
                if try await restless().isEmpty { return [] }
                try await world.time.sleep(for: pause)
                // Whoever has not come to rest by now takes long, if ever.
                pause = min(pause * 1.25, lookLimit)
            }
            return try await restless()
        }

        /// What is still on its way; empty when nothing is.
        private func restless() async throws -> [String] {
            guard let books = try? await self.books() else { return ["a database does not answer"] }
            let runs = books.runs.filter { $0.state == "open" }
            let returns = books.orders.values.filter { $0.openReturns != 0 }
            let counts = [
                ("events are not published", books.unsent), ("runs are open", runs.count),
                ("orders have open returns", returns.count),
                ("events have not come to the auditor", max(0, books.published.count - books.audited.count)),
            ]
            return counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
                + books.waiting.map { "\($0.events) events wait for \($0.group)" }
        }
    }
}
