import MartletCore

/// An external payment provider.
protocol PaymentProvider: Sendable {
    /// Makes one call. A repeat with the same key and arguments returns the same result.
    ///
    /// - Throws: The outcome is then unknown.
    func send(_ request: ProviderRequest, _ context: CallContext) async throws -> ProviderResult
    /// The provider's payments with our reference, newest first; authoritative when a key gives no result.
    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView]
    /// The totals of the provider's ledger, by currency.
    func totals(_ context: CallContext) async throws -> [ProviderTotals]
}
