/// One payment at the provider.
struct Charge: Sendable, Equatable {
    enum Status: String, Sendable, Equatable {
        case authorised, captured, cancelled, declined
    }

    let providerID: String
    /// The caller's id of the payment.
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

    mutating func refund(_ requested: Int64) throws(ProviderError) {
        guard status == .captured else { throw .wrongState(status.rawValue) }
        guard requested <= captured - refunded else {
            throw .refundTooLarge(requested: requested, left: captured - refunded)
        }
        refunded += requested
    }
}
