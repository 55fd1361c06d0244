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

/// One run of a service's process: it starts the service on its machine, connects it, and runs its loops.
struct ProcessRun: Sendable {
    private static let retryInterval = Duration.milliseconds(200)

    let deployment: Deployment
    /// Whether it runs the next version of the service.
    let isNext: Bool
    let machine: Machine
    let database: MachineDatabase
    /// The service's own.
    let entropy: SeededEntropy
    /// That of its connections.
    let connections: SeededEntropy
    let cluster: Cluster

    /// Starts the service, with retries, and spawns its loops.
    func run() async {
        let dependencies = dependencies()
        while machine.isUp {
            do {
                let runtime = try await deployment.start(dependencies)
                try machine.check()
                return serve(runtime, dependencies)
            } catch {
                try? await machine.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func dependencies() -> Deployment.Dependencies {
        let (network, machine, isNext) = (cluster.network, machine, isNext)
        let channels = ChannelPool(
            policy: .betweenServices,
            metrics: MetricsRegistry(service: deployment.name),
            runtime: Runtime(time: machine.time, entropy: connections),
            connect: { network.channel(from: machine, to: $0) }
        )
        let log = RemoteEventLog(over: channels.channel(to: "eventlog"), service: deployment.name, time: machine.time)
        let bus = FaultyBus(bus: log, faults: cluster.faults, entropy: connections.fork())
        // The event log is a broker, and has no outbox.
        let present: any SQLDatabase =
            cluster.variant == .naive && deployment.name != "eventlog"
            ? NaiveOutbox(of: deployment.name, over: database, bus) : database
        return Deployment.Dependencies(
            database: isNext
                ? NextDatabase(database: present, hasStreams: deployment.name == OrdersService.name) : present,
            bus: bus,
            runtime: Runtime(time: machine.time, entropy: entropy),
            connect: { service in
                let channel = network.channel(from: machine, to: service)
                return isNext ? NextRequests(channel: channel) : channel
            },
            isNext: isNext,
            migrates: cluster.isShared(deployment) && cluster.faults.rates[.mixedVersions] != nil
        )
    }

    private func serve(_ runtime: ServiceRuntime, _ dependencies: Deployment.Dependencies) {
        connect(runtime)
        let loops = cluster.variant == .naive ? naiveLoops(of: runtime, dependencies) : runtime.loops
        for loop in loops where loop.name != "metrics" {
            machine.spawn { [machine, cluster] in
                do {
                    try await loop.run()
                    if machine.isUp { cluster.report("\(machine.name): \(loop.name) returned") }
                } catch {
                    if machine.isUp { cluster.report("\(machine.name): \(loop.name) ended: \(error)") }
                }
            }
        }
    }

    /// Adds the service's contracts to the network.
    private func connect(_ runtime: ServiceRuntime) {
        let (network, faults) = (cluster.network, cluster.faults)
        let services = LocalServices()
        services.add(runtime.contracts)
        let local = LocalChannel(to: services, time: machine.time)
        if deployment.name == "provider" {
            let faulty = FaultyPaymentProvider(local, faults: faults, entropy: cluster.entropy.fork())
            network.add(machine, for: deployment.name, channel: faulty, isExternal: true)
        } else {
            network.add(machine, for: deployment.name, channel: isNext ? NextResponses(channel: local) : local)
        }
        if isNext, cluster.slots.isMixed(deployment.name) { faults.count(.mixedVersions) }
        let operatorServices = LocalServices()
        operatorServices.add(runtime.operatorContracts)
        network.add(
            machine,
            for: Cluster.operators(of: deployment.name),
            channel: LocalChannel(to: operatorServices, time: machine.time)
        )
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
            time: dependencies.runtime.time
        )
        let replaced = ["outbox relay", "subscriptions"]
        return runtime.loops.filter { !replaced.contains($0.name) }
            + (runtime.subscriptions.isEmpty ? [] : [.init("naive inbox", .consumers) { try await inbox.run() }])
    }
}
