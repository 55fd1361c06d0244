package import Logging
public import MartletContract
import MartletEventLog
public import MartletHost
import MartletMessaging
public import MartletResilience
public import MartletSimulation
import MartletTesting
import SimulatedDisk

/// Simulates services under a seed: the real services and their tables, on a simulated network, disks, clocks, and with
/// crashes.
///
/// ```swift
/// @Test("a link that was acknowledged is stored once", arguments: UInt64(1)...20)
/// func sound(seed: UInt64) throws {
///     let acknowledged = Mutex<[String]>([])
///     let result = try SimulatedWorld([LinksService.self]).run(seed: seed, faults: .all) { world in
///         let links = LinksClient(on: world)
///         let author = Principal(user: "author", scopes: ["links:write"])
///         for number in 1...20 {
///             try await world.sleep(upTo: .seconds(2))
///             let request = ShortenRequest.with { $0.url = "https://example.com/\(number)" }
///             let code = try await world.retrying(as: author) { try await links.shorten(request, context: $0).code }
///             acknowledged.withLock { $0.append(code) }
///         }
///     } check: { world in
///         let stored = try await world.read("links") { tx in
///             try tx.run("SELECT code FROM links").map { try $0.text(0) }
///         }
///         return stored.sorted() == acknowledged.withLock { $0.sorted() } ? [] : ["stored: \(stored)"]
///     }
///     #expect(result.violations == [])
/// }
/// ```
///
/// A service runs in one process or in up to three replicas, as the seed decides. The event log that carries its events
/// is simulated, too. What the services and the workload do follows from the seed only if they take time and random
/// numbers from what they are given, and start no task without a parent.
public struct SimulatedWorld: Sendable {
    /// Jobs of one run: an endless loop must end.
    var stepsMax = 5_000_000
    /// The number of replicas of each service, 1 to 3, on one database; `nil`: the seed decides, also whether there are any.
    ///
    /// With three, a run also checks that they share the outbox, and publish in time when one of them ends.
    public var replicas: Int?
    /// The service of the faults `consumerRestored` and `groupAway`; `nil` for none.
    ///
    /// Its state must follow from the events that it consumes.
    var restorable: String?
    var logLimits = EventLogLimits()
    /// A service that runs for the first time when the workload starts it; `nil` for none.
    var late: String?
    private let deployments: [Deployment]
    private let fakes: [String: @Sendable () -> [ServedContract]]
    private let templates: [String: DiskImage]
    private let consumers: [String: [String]]
    private let policy: BusPolicy
    private let hooks: ProcessHooks

    /// Prepares a migrated database for each service; every run begins with copies of them.
    ///
    /// - Parameters:
    ///   - services: In the order in which they start; at least one, with different names, none of them `eventlog`.
    ///   - settings: Those of the services; presets apply to the others.
    ///   - http: Other parties, as a `FakeOutgoing`; `nil`: requests to them are refused.
    ///   - fakes: Services of others, by name, which never crash and have no database. Each run makes its own.
    /// - Throws: What the migrations and the initializers of the services throw.
    public init(
        _ services: [any ServiceBlueprint.Type],
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        fakes: [String: @Sendable () -> [ServedContract]] = [:]
    ) throws {
        try self.init(services, settings: settings, http: http, fakes: fakes, logLevel: .critical)
    }

    /// - Parameters:
    ///   - hooks: What a test of the simulation changes in its processes.
    ///   - logLevel: The lowest level that the services log; errors are normal under faults.
    package init(
        _ services: [any ServiceBlueprint.Type],
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        fakes: [String: @Sendable () -> [ServedContract]],
        hooks: ProcessHooks = ProcessHooks(),
        logLevel: Logger.Level = .critical
    ) throws {
        precondition(!services.isEmpty, "a world has at least one service")
        let deployments =
            [Deployment.eventLog]
            + services.map { Deployment.of($0, isExternal: false, settings: settings, http: http, logLevel: logLevel) }
        let names = deployments.map(\.name) + fakes.keys
        precondition(Set(names).count == names.count, "two services have one name: \(names.sorted())")
        self.deployments = deployments
        self.fakes = fakes
        self.hooks = hooks
        templates = try Deployment.templates(of: deployments)
        consumers = try Deployment.consumers(of: deployments)
        policy = try Deployment.policy(of: Array(deployments.dropFirst()))
    }

    /// Runs the world once: the workload under faults, then without faults until all work is done, then the check.
    ///
    /// Faults begin when all services serve, and end some time after the workload. The run then waits for at most ten
    /// minutes of virtual time until every event is delivered and every workflow run has ended; time is skipped while
    /// runs only wait for timers. It reports by itself what is not done then, keys and runs that are parked, events that a
    /// group has not handled and that nothing names, and background loops that ended. It blocks the calling thread.
    ///
    /// - Parameters:
    ///   - seed: Decides everything that is random. Equal seeds give equal runs.
    ///   - faults: The faults that may happen, a subset of `.all`. With `.all` the seed chooses among them, so that some
    ///     runs have few faults and others many; with any other set all of them are enabled, and those that have not
    ///     happened are forced at the end if they can be. Some exist only with replicas, others only without.
    ///   - workload: The clients. Concurrent ones are child tasks.
    ///   - check: Returns what is wrong, in words. Not called after a workload that threw.
    /// - Returns: Also when the run did not end: that is a violation.
    public func run(
        seed: UInt64,
        faults: Set<SimulatedFault>,
        workload: @escaping @Sendable (RunningWorld) async throws -> Void,
        check: @escaping @Sendable (RunningWorld) async throws -> [String]
    ) -> WorldResult {
        let possible: Set<SimulatedFault> = restorable == nil ? .all : Set.all.union([.consumerRestored, .groupAway])
        precondition(faults.isSubset(of: possible), "a world injects the faults of Set.all")
        var limits = Simulation.Limits()
        limits.steps = stepsMax
        limits.span = Quiescence.skipMax * 2
        let simulation = Simulation(seed: seed, limits: limits)
        let entropy = SeededEntropy(seed: seed)
        let isWhole = faults != .all
        let plan = ClusterPlan(faults, isWhole: isWhole, crashes: nil, replicas: replicas, entropy: entropy)
        let services = deployments.dropFirst()
        let log = Deployment.log(limits: logLimits, policy: policy)
        let cluster = Cluster(
            of: [log] + services,
            plan,
            in: simulation,
            templates: templates,
            faults: FaultInjector(plan.faults.rates, entropy: entropy.fork()),
            entropy: entropy.fork(),
            crashSchedule: nil,
            hooks: hooks
        )
        let fakeMachines = addFakes(to: cluster)
        defer {
            for machine in fakeMachines { machine.crash() }
            cluster.close()
            simulation.runRemaining()
        }
        if let late { cluster.slots.setAway(late) }
        let run = WorldRun(
            of: cluster,
            services: services.map(\.name),
            consumers: consumers,
            restorable: restorable,
            forcesFaults: isWhole,
            entropy: entropy
        )
        return result(of: cluster, seed: seed) { try await run.run(workload, check: check) }
    }

    /// Runs `body` to its end.
    private func result(
        of cluster: Cluster,
        seed: UInt64,
        _ body: @escaping @Sendable () async throws -> [String]
    ) -> WorldResult {
        let executor = cluster.simulation.executor
        var violations: [String]
        do {
            violations = try cluster.simulation.run(body)
        } catch {
            violations = ["the run did not end: \(error)"] + cluster.startFailures + cluster.diagnosis
        }
        violations += cluster.reports + cluster.network.reports
        if executor.foreignJobs > 0 {
            violations.append("\(executor.foreignJobs) jobs came from other threads: the seed does not repeat the run")
        }
        return WorldResult(
            seed: seed,
            violations: violations,
            hash: cluster.trace.description,
            faults: cluster.faults.counts,
            steps: executor.steps
        )
    }

    /// - Returns: The machines of the fakes.
    private func addFakes(to cluster: Cluster) -> [Machine] {
        fakes.sorted { $0.key < $1.key }.map { name, contracts in
            let machine = Machine("\(name)-fake", in: cluster.simulation)
            let services = LocalServices()
            services.add(contracts())
            let channel = LocalChannel(to: services, time: machine.time)
            cluster.network.add(machine, for: name, channel: channel, isExternal: true)
            return machine
        }
    }
}
