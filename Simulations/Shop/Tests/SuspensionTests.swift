import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import Synchronization
import Testing

@Suite("In-flight message during an outage")
struct SuspensionTests {
    @Test("is delivered to a suspended machine, and lost to an external one", arguments: [(false, 1), (true, 0)])
    func inFlight(isExternal: Bool, calls: Int) throws {
        var limits = Simulation.Limits()
        limits.span = .seconds(10 * 24 * 3_600)
        let simulation = Simulation(seed: 1, limits: limits)
        let faults = FaultInjector([.slowCall: 1], entropy: SeededEntropy(seed: 1))
        faults.begin()
        let network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: SeededEntropy(seed: 2))
        let service = CountingService()
        let machine = Machine("neighbour", in: simulation)
        network.add(machine, for: "neighbour", channel: service, isExternal: isExternal)
        let channel = network.channel(from: Machine("caller", in: simulation), to: "neighbour")
        try simulation.run { [time = simulation.time] in
            async let response: GetOrderResponse? = try? channel.unary(
                OrdersMethods.getOrder,
                GetOrderRequest(),
                context: CallContext(deadline: nil)
            )
            while time.sleeping == 0 { await Task.yield() }
            time.skip(by: .seconds(5 * 24 * 3_600))
            #expect(await (response != nil) == !isExternal)
        }
        #expect(service.calls.withLock { $0 } == calls)
    }
}
