import MartletCore

/// One call to the payment provider, under an idempotency key that is stored before the call.
struct ProviderRequest: Sendable, Equatable {
    enum Action: Sendable, Equatable {
        case authorise
        case capture(providerID: String)
        case void(providerID: String)
        /// `id` is ours, unique per payment; `amount` is in minor units.
        case refund(providerID: String, id: String, amount: Int64)
    }

    /// Stripe stores keys for 24 hours; with an older key the payment is looked up instead.
    static let keyLifetime = Duration.seconds(23 * 3600)

    /// The provider's reference.
    let paymentID: String
    let terms: Payment.Terms
    let action: Action
    let key: String
    /// The number of the key: a result under an earlier key is late.
    let attempt: Int
    /// When the key was stored.
    let keySince: Timestamp
    /// When the call was decided on, by the clock that stamped the key.
    let decided: Timestamp

    /// The provider may have dropped the key, so that the call would happen again.
    var isKeyExpired: Bool { decided - keySince > Self.keyLifetime }

    /// Whether the provider's payment shows that this call happened.
    func isDone(in view: ProviderView) -> Bool {
        func isOwn(_ providerID: String) -> Bool { ExactText(view.providerID) == ExactText(providerID) }
        return switch action {
        // One that was cancelled holds nothing: another may be made.
        case .authorise: view.status != .cancelled
        case .capture(let providerID): isOwn(providerID) && view.status == .captured
        case .void(let providerID): isOwn(providerID) && view.status == .cancelled
        case .refund(let providerID, let id, _):
            isOwn(providerID) && view.refunds.contains { $0.id == ExactText(id) }
        }
    }
}
