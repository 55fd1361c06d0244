import MartletContract
import MartletCore
import MartletSimulation
import MartletTesting
import PaymentsContract
import ProviderContract
import SimulatedCluster
import SwiftProtobuf

/// The operator who corrects payments whose provider disagrees: cancels a wrong authorisation at the provider, and has the
/// payment compared again.
struct PaymentClerk: Sendable {
    /// The longest time between two looks at the list, in milliseconds.
    private static let pollIntervalMax: UInt64 = 4_000
    private static let callTimeout = Duration.seconds(3)
    private static let clerk = Principal(user: "clerk", scopes: ["payments:read", "payments:write"])
    /// The provider knows the shop, not its clerks.
    private static let atProvider = Principal(service: "payments", for: .user("clerk"))

    let world: ShopWorld
    let entropy: SeededEntropy

    /// Runs until its task is cancelled.
    func run() async throws {
        let payments = PaymentsClient(over: world.network.channel(from: world.outside, to: "payments"))
        let provider = ProviderClient(over: world.network.channel(from: world.outside, to: "provider"))
        while true {
            try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: Self.pollIntervalMax))))
            do {
                let request = ListDisagreementsRequest()
                for one in try await payments.listDisagreements(request, context: context(Self.clerk)).disagreements {
                    try await correct(one, of: payments, at: provider)
                }
            } catch {
                // The list is read again.
                try Task.checkCancellation()
            }
        }
    }

    private func correct(
        _ disagreement: ListDisagreementsResponse.Disagreement,
        of payments: PaymentsClient,
        at provider: ProviderClient
    ) async throws {
        if disagreement.status == .authorising {
            let cancel = CancelPaymentRequest.with { $0.providerID = disagreement.providerID }
            // Fails when an earlier attempt has arrived; the comparison shows it.
            _ = try? await provider.cancelPayment(
                cancel,
                context: context(Self.atProvider, key: "clerk/\(entropy.next())")
            )
            try Task.checkCancellation()
        }
        let check = CheckPaymentRequest.with { $0.paymentID = disagreement.paymentID }
        _ = try await payments.checkPayment(check, context: context(Self.clerk))
    }

    private func context(_ principal: Principal, key: String? = nil) -> CallContext {
        CallContext(deadline: world.time.now + Self.callTimeout, principal: principal, idempotencyKey: key)
    }
}
