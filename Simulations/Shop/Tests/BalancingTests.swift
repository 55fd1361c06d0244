import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import Synchronization
import Testing

@Suite("Instances of a simulated service")
struct BalancingTests {
    private let simulation = Simulation(seed: 1)
    private let faults: FaultInjector
    private let network: SimulatedNetwork
    private let services = [CountingService(), CountingService(), CountingService()]
    private let machines: [Machine]

    /// Three instances; with a stale registry, which lists them also after they have stopped.
    init() {
        faults = FaultInjector([.staleRegistry: 1], entropy: SeededEntropy(seed: 1))
        faults.begin()
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: SeededEntropy(seed: 2))
        machines = (1...3).map { [simulation] in Machine("orders-\($0)", in: simulation) }
        for (machine, service) in zip(machines, services) { network.add(machine, for: "orders", channel: service) }
    }

    private func call(_ channel: any RPCChannel) async throws {
        let _: GetOrderResponse = try await channel.unary(
            OrdersMethods.getOrder,
            GetOrderRequest(),
            context: CallContext(deadline: nil)
        )
    }

    @Test("calls go to all of them")
    func spread() throws {
        let channel = network.channel(from: Machine("caller", in: simulation), to: "orders")
        try simulation.run { for _ in 1...60 { try await call(channel) } }
        for service in services { #expect(service.calls.withLock { $0 } > 5) }
        #expect(network.reports.isEmpty)
    }

    @Test("one that was killed fails no call, although the registry still lists it")
    func killed() throws {
        let channel = network.channel(from: Machine("caller", in: simulation), to: "orders")
        try simulation.run {
            for number in 1...60 {
                if number == 20 { machines[0].crash() }
                if number == 40 { machines[1].crash() }
                try await call(channel)
            }
        }
        #expect(services.reduce(0) { $0 + $1.calls.withLock { $0 } } == 60)
        #expect(network.counts.failures == 0)
        #expect(network.reports.isEmpty)
    }
}
