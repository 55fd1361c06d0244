import MartletCore

extension PaymentError: FaultConvertible {
    var fault: Fault {
        switch self {
        case .unknownPayment(let id):
            Fault(.notFound, "payments.unknown_payment", "there is no payment \(id)", field: "payment_id")
        case .declined: Fault(.failedPrecondition, "payments.declined", "the payment was declined")
        case .paymentMismatch(let id):
            Fault(.invalidArgument, "payments.payment_mismatch", "payment \(id) already exists with other contents")
        case .refundMismatch(let id):
            Fault(.invalidArgument, "payments.refund_mismatch", "refund \(id) already exists with another amount")
        case .notAuthorised(let status):
            Fault(.failedPrecondition, "payments.not_authorised", "the payment is \(status.rawValue)")
        case .notCaptured(let status):
            Fault(.failedPrecondition, "payments.not_captured", "the payment is \(status.rawValue)")
        case .alreadyCaptured: Fault(.failedPrecondition, "payments.already_captured", "the payment was captured")
        case .voided: Fault(.failedPrecondition, "payments.voided", "the payment was voided")
        case .refundExceedsCapture(let requested, let left):
            Fault(
                .failedPrecondition,
                "payments.refund_exceeds_capture",
                "\(requested) to be refunded, \(left) left",
                field: "amount"
            )
        case .amountOutOfRange:
            Fault(.invalidArgument, .invalidRequest, "must be at least 1", field: "amount.minor_units")
        case .otherCurrency(let currency):
            Fault(.invalidArgument, .invalidRequest, "must be \(currency)", field: "amount.currency")
        case .providerDisagrees(let what):
            Fault(.internal, "payments.provider_disagrees", "the provider's response does not match: \(what)")
        }
    }
}
