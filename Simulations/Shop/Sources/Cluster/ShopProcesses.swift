import MartletCore
import MartletHost
import MartletTesting
import Orders
import Provider
import SimulatedCluster

/// What the shop's simulation changes in its processes: the naive baseline, later versions of a service, handlers that
/// end their process, and the failures of the payment provider.
enum ShopProcesses {
    static func hooks(
        _ variant: Scenario.Variant,
        endingHandlers: EndingHandlers,
        upgrades: Upgrades
    ) -> ProcessHooks {
        var hooks = ProcessHooks()
        hooks.endsProcess = { event, group in endingHandlers.endsProcess(event, in: group) }
        let deviations = ProviderDeviations()
        hooks.dependencies = { own, process in dependencies(own, of: process, variant, upgrades: upgrades) }
        hooks.served = { channel, process in
            if process.deployment.name == ProviderService.name {
                let cluster = process.cluster
                return FaultyPaymentProvider(
                    channel,
                    faults: cluster.faults,
                    deviations: deviations,
                    entropy: cluster.entropy.fork()
                )
            }
            return process.version > .present ? NextResponses(channel: channel) : channel
        }
        if variant == .naive { hooks.loops = { naiveLoops(of: $0, on: $1) } }
        return hooks
    }

    private static func dependencies(
        _ own: Deployment.Dependencies,
        of process: ProcessRun,
        _ variant: Scenario.Variant,
        upgrades: Upgrades
    ) -> Deployment.Dependencies {
        var wrapped = own
        let service = process.deployment.name
        if service == upgrades.service {
            wrapped.database = SchemaChecker(database: own.database, version: process.version, upgrades: upgrades)
        }
        // The event log is a broker, and has no outbox.
        if variant == .naive, service != Deployment.eventLogName {
            wrapped.database = NaiveOutbox(of: service, over: wrapped.database, own.bus)
        }
        guard process.version > .present else { return wrapped }
        wrapped.database = NextDatabase(
            database: wrapped.database,
            hasStreams: service == OrdersService.name,
            hasColumn: process.version == .next
        )
        wrapped.connect = { NextRequests(channel: own.connect($0)) }
        return wrapped
    }

    /// The loops of the control: without the toolkit's relay and subscriptions.
    private static func naiveLoops(
        of runtime: ServiceRuntime,
        on dependencies: Deployment.Dependencies
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
