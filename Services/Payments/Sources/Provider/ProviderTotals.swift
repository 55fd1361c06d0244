/// A provider's totals in one currency, in minor units.
struct ProviderTotals: Sendable, Equatable {
    let currency: String
    let authorised: Int64
    let captured: Int64
    let refunded: Int64
}
