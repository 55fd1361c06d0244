import MartletCore
import MartletSimulation
import MartletTesting
import ProviderContract
import SwiftProtobuf
import Synchronization

/// What the payment provider does instead of what it is asked for.
///
/// It belongs to the provider's data, and so survives the provider's process.
/// A call and its repeats under one key have the same effect.
final class ProviderDeviations: Sendable {
    private enum Deviation: Sendable {
        case none, centLess, otherCurrency, notCaptured
    }

    private struct State {
        var byKey: [ExactText: Deviation] = [:]
        /// What was created, by the provider's id.
        var payments: [ExactText: ProviderPayment] = [:]
    }

    private let state = Mutex(State())

    /// The payment that is authorised instead of the requested one; mostly that itself.
    func changed(
        _ create: CreatePaymentRequest,
        under key: String,
        faults: FaultInjector,
        entropy: any Entropy
    ) -> CreatePaymentRequest {
        var other = create
        let deviation = decided(under: key) {
            guard create.amount > 1, faults.happens(.otherEffect) else { return .none }
            return entropy.number(below: 2) == 0 ? .centLess : .otherCurrency
        }
        switch deviation {
        case .centLess: other.amount -= 1
        case .otherCurrency: other.currency = create.currency == "EUR" ? "USD" : "EUR"
        case .none, .notCaptured: break
        }
        return other
    }

    func remember(_ payment: ProviderPayment) {
        guard payment.status == .authorised else { return }
        state.withLock { $0.payments[ExactText(payment.providerID)] = payment }
    }

    /// The payment as it stays, when it is not captured; `nil` for one that is to be captured.
    func notCaptured(_ providerID: String, under key: String, faults: FaultInjector) -> ProviderPayment? {
        guard let payment = state.withLock({ $0.payments[ExactText(providerID)] }) else { return nil }
        let deviation = decided(under: key) { faults.happens(.otherEffect) ? .notCaptured : .none }
        return deviation == .notCaptured ? payment : nil
    }

    private func decided(under key: String, _ decide: () -> Deviation) -> Deviation {
        if let earlier = state.withLock({ $0.byKey[ExactText(key)] }) { return earlier }
        let deviation = decide()
        state.withLock { $0.byKey[ExactText(key)] = deviation }
        return deviation
    }
}
