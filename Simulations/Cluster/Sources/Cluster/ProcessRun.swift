import MartletCore
import MartletEventLogClient
import MartletHost
import MartletMessaging
import MartletResilience
import MartletSQL
import MartletSimulation
import MartletTelemetry
import MartletTesting

/// One run of a service's process: it starts the service on its machine, connects it, and runs its loops.
package struct ProcessRun: Sendable {
    private static let retryInterval = Duration.milliseconds(200)

    package let deployment: Deployment
    package let version: ReplicaVersion
    /// The name of the replica, which a restart keeps.
    let instance: String
    let machine: Machine
    let database: MachineDatabase
    /// The service's own.
    let entropy: SeededEntropy
    /// That of its connections.
    let connections: SeededEntropy
    package let cluster: Cluster

    /// Starts the service, with retries, and spawns its loops.
    func run() async {
        let dependencies = dependencies()
        while machine.isUp {
            do {
                let runtime = try await deployment.start(dependencies)
                try machine.check()
                return serve(runtime, dependencies)
            } catch {
                cluster.recordFailedStart(of: deployment.name, error)
                try? await machine.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func dependencies() -> Deployment.Dependencies {
        let (network, machine, cluster) = (cluster.network, machine, cluster)
        let channels = ChannelPool(
            of: deployment.name,
            policy: .betweenServices,
            metrics: MetricsRegistry(service: deployment.name),
            runtime: Runtime(time: machine.time, entropy: connections),
            connect: { network.channel(from: machine, to: $0) }
        )
        let log = RemoteEventLog(
            over: channels.channel(to: Deployment.eventLogName),
            service: deployment.name,
            time: machine.time
        )
        let own = Deployment.Dependencies(
            database: database,
            bus: FaultyBus(bus: log, faults: cluster.faults, entropy: connections.fork()),
            runtime: Runtime(time: machine.time, entropy: entropy),
            handling: { group, event in
                guard machine.isUp, cluster.hooks.endsProcess(event, group) else { return }
                cluster.faults.count(.handlerEndsProcess)
                machine.crash()
            },
            connect: { network.channel(from: machine, to: $0) },
            version: version,
            instance: instance,
            migrates: cluster.hasVersions(deployment)
        )
        return cluster.hooks.dependencies(own, self)
    }

    private func serve(_ runtime: ServiceRuntime, _ dependencies: Deployment.Dependencies) {
        connect(runtime)
        let loops = cluster.hooks.loops(runtime, dependencies).filter {
            !["metrics", "database health"].contains($0.name)
        }
        let tasks = loops.map { loop in
            machine.spawn { [machine, cluster] in
                var end = "returned"
                do { try await loop.run() } catch is SchemaTooNew {
                    // Its lease had ended, and a step ran that breaks it: the process ends.
                    return machine.crash()
                } catch { end = "ended: \(error)" }
                // A cancelled one ends in order.
                if machine.isUp, !Task.isCancelled { cluster.report("\(machine.name): \(loop.name) \(end)") }
            }
        }
        cluster.slots.keep(tasks.compactMap(\.self), of: machine)
    }

    /// Adds the service's contracts to the network.
    private func connect(_ runtime: ServiceRuntime) {
        let network = cluster.network
        let services = LocalServices()
        services.add(runtime.contracts)
        network.add(
            machine,
            for: deployment.name,
            channel: cluster.hooks.served(LocalChannel(to: services, time: machine.time), self),
            isExternal: deployment.isExternal
        )
        if version == .next, cluster.slots.isMixed(deployment.name) { cluster.faults.count(.mixedVersions) }
        let operatorServices = LocalServices()
        operatorServices.add(runtime.operatorContracts)
        network.add(
            machine,
            for: Cluster.operators(of: deployment.name),
            channel: LocalChannel(to: operatorServices, time: machine.time)
        )
    }
}
