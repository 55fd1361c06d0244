import MartletCore

@testable import Payments

extension ProviderView {
    /// A payment of 100 GBP, captured in full when its status is `captured`.
    init(_ providerID: String, _ status: Status, refunds: [(String, Int64)] = []) {
        self.init(
            providerID: providerID,
            status: status,
            currency: "GBP",
            amount: 100,
            captured: status == .captured ? 100 : 0,
            refunded: refunds.reduce(0) { $0 + $1.1 },
            refunds: refunds.map { Refund(id: ExactText($0.0), amount: $0.1) }
        )
    }

    /// The same payment in another status, captured in full when that is `captured`.
    func with(_ status: Status) -> ProviderView { with(status, captured: status == .captured ? amount : 0) }

    func with(
        _ status: Status? = nil,
        currency: String? = nil,
        amount: Int64? = nil,
        captured: Int64? = nil,
        refunds: [Refund]? = nil
    ) -> ProviderView {
        let refunds = refunds ?? self.refunds
        return ProviderView(
            providerID: providerID,
            status: status ?? self.status,
            currency: currency ?? self.currency,
            amount: amount ?? self.amount,
            captured: captured ?? self.captured,
            refunded: refunds.reduce(0) { $0 + $1.amount },
            refunds: refunds
        )
    }
}
