/// One payment at the provider.
///
/// Decides; keeps nothing.
struct Wallet: Sendable, Equatable {
    enum Status: String, Sendable, Equatable {
        case authorised, captured, cancelled, declined
    }

    let providerID: String
    /// The caller's own.
    let reference: String
    let currency: String
    let amount: Int64
    var status: Status
    var captured: Int64 = 0
    var refunded: Int64 = 0

    mutating func capture() throws(ProviderError) {
        guard status == .authorised else { throw .wrongState(status.rawValue) }
        status = .captured
        captured = amount
    }

    mutating func cancel() throws(ProviderError) {
        guard status == .authorised else { throw .wrongState(status.rawValue) }
        status = .cancelled
    }

    mutating func refund(_ wanted: Int64) throws(ProviderError) {
        guard status == .captured else { throw .wrongState(status.rawValue) }
        guard wanted <= captured - refunded else {
            throw .refundTooLarge(wanted: wanted, left: captured - refunded)
        }
        refunded += wanted
    }
}
