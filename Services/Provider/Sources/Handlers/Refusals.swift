import MartletCore

extension ProviderError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .declined: Fault(.failedPrecondition, "provider.declined", "the card was declined")
        case .unknownMethod(let method):
            Fault(
                .invalidArgument,
                "provider.unknown_method",
                "there is no payment method \(method)",
                field: "payment_method"
            )
        case .unknownPayment(let id):
            Fault(.notFound, "provider.unknown_payment", "there is no payment \(id)", field: "provider_id")
        case .wrongState(let status): Fault(.failedPrecondition, "provider.wrong_state", "the payment is \(status)")
        case .refundTooLarge(let requested, let left):
            Fault(
                .failedPrecondition,
                "provider.refund_too_large",
                "\(requested) to be refunded, \(left) left",
                field: "amount"
            )
        case .keyReused:
            Fault(.invalidArgument, "provider.key_reused", "the idempotency key was used with other parameters")
        case .keyMissing: Fault(.invalidArgument, .idempotencyKeyMissing, "an idempotency key is required")
        case .storedFailure: Fault(.internal, "provider.stored_failure", "the provider failed; a repeat will fail too")
        case .responseLost: Fault(.unavailable, .outcomeUnknown, "the response was lost")
        }
    }
}
