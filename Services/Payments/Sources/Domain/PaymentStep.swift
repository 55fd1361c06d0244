/// What a caller requests of a payment; every step happens once, and a repeat has the same outcome.
enum PaymentStep: Sendable, Equatable {
    case authorise(Payment.Terms)
    /// The full amount.
    case capture
    /// Safe before, after and without the authorisation.
    case void
    /// `id` is unique per payment; `amount` is in minor units, at least 1.
    case refund(id: String, amount: Int64, currency: String)
}
