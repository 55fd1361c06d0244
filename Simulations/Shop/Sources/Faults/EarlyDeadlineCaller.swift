import CartsContract
import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedCluster
import SwiftProtobuf

/// A caller whose deadlines are much shorter than its calls take, beside one that asks for the same and waits.
///
/// It runs while nothing else fails, so that the one that waits must be answered.
struct EarlyDeadlineCaller: Sendable {
    private static let bursts = 4
    /// Concurrent calls of one burst: several times what opens a circuit.
    private static let callsOfBurst = 40
    /// In microseconds; a call to another service takes longer in most cases.
    private static let deadlineMax: UInt64 = 1_000
    private static let deadlineOfOther = Duration.seconds(5)
    private static let retryInterval = Duration.milliseconds(100)

    private let world: ShopWorld
    private let observations: ClientObservations
    private let entropy: SeededEntropy
    private let carts: CartsClient

    init(in world: ShopWorld, observations: ClientObservations, entropy: SeededEntropy) {
        self.world = world
        self.observations = observations
        self.entropy = entropy
        carts = CartsClient(over: world.network.channel(from: world.outside, to: "carts"))
    }

    func run() async throws {
        let cart = try await filledCart()
        world.faults.count(.earlyDeadlines)
        for _ in 0..<Self.bursts {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<Self.callsOfBurst { group.addTask { await giveUpEarly(cart) } }
            }
            try await ask(cart)
        }
    }

    /// A guest's cart, whose price the carts ask of the catalogue.
    private func filledCart() async throws -> String {
        while true {
            do {
                let cart = try await carts.createGuestCart(.init(), context: context(Self.deadlineOfOther)).cartID
                let line = PutLineRequest.with {
                    $0.cartID = cart
                    $0.sku = Workload.skus[0]
                    $0.quantity = 1
                }
                _ = try await carts.putLine(line, context: context(Self.deadlineOfOther))
                return cart
            } catch {
                // The service is starting.
                try Task.checkCancellation()
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
    }

    private func giveUpEarly(_ cart: String) async {
        let left = Duration.microseconds(Int64(1 + entropy.number(below: Self.deadlineMax)))
        _ = try? await carts.getCart(.with { $0.cartID = cart }, context: context(left))
    }

    private func ask(_ cart: String) async throws {
        do {
            _ = try await carts.getCart(.with { $0.cartID = cart }, context: context(Self.deadlineOfOther))
        } catch {
            try Task.checkCancellation()
            let reason = Fault(describing: error).reason
            observations.record(
                Violation(.spentByAnother, "a caller that waits was refused with \(reason), beside one that does not")
            )
        }
    }

    /// Of a caller without a token.
    private func context(_ left: Duration) -> CallContext { CallContext(deadline: world.time.now + left) }
}
