import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import OrdersContract
import Synchronization
import Testing

@Suite("A message on its way when all computers fall asleep")
struct SleepTests {
    @Test("comes when they wake; to one who did not sleep it comes no more", arguments: [(false, 1), (true, 0)])
    func asleep(isElsewhere: Bool, calls: Int) throws {
        var limits = Simulation.Limits()
        limits.span = .seconds(10 * 24 * 3_600)
        let simulation = Simulation(seed: 1, limits: limits)
        let faults = FaultInjector([.slowCall: 1], entropy: SeededEntropy(seed: 1))
        faults.begin()
        let network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: SeededEntropy(seed: 2))
        let neighbour = Neighbour()
        let machine = Machine("neighbour", in: simulation)
        network.add(machine, for: "neighbour", answering: neighbour, isElsewhere: isElsewhere)
        let channel = network.channel(from: Machine("caller", in: simulation), to: "neighbour")
        try simulation.run { [time = simulation.time] in
            async let answer: GetOrderResponse? = try? channel.unary(
                OrdersMethods.getOrder,
                GetOrderRequest(),
                CallContext(deadline: nil)
            )
            while time.sleeping == 0 { await Task.yield() }
            time.leap(by: .seconds(5 * 24 * 3_600))
            #expect(await (answer != nil) == !isElsewhere)
        }
        #expect(neighbour.calls.withLock { $0 } == calls)
    }
}
