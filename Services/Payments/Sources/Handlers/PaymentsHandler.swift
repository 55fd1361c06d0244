import MartletContract
import MartletCore
import MartletSQL
import PaymentsContract
import SharedContract
import SwiftProtobuf

/// Converts payment requests into domain calls and results into responses.
struct PaymentsHandler: PaymentsCalls {
    let processor: PaymentProcessor

    func authorise(_ request: AuthoriseRequest, context: CallContext) async throws -> AuthoriseResponse {
        guard request.amount.minorUnits > 0 else { throw PaymentError.amountOutOfRange }
        let payment = Payment(
            id: request.paymentID,
            orderID: request.orderID,
            currency: request.amount.currency,
            amount: request.amount.minorUnits,
            method: request.paymentMethod,
            status: .authorising,
            attempt: 1,
            keySince: Timestamp(microseconds: 0),
            refundedMinorUnits: 0
        )
        try await processor.authorise(payment, context)
        return AuthoriseResponse()
    }

    func capture(_ request: CaptureRequest, context: CallContext) async throws -> CaptureResponse {
        let captured = try await processor.capture(request.paymentID, context)
        let payment = try await payment(request.paymentID, context)
        return .with { $0.captured = Money(captured, currency: payment.currency) }
    }

    func voidPayment(_ request: VoidPaymentRequest, context: CallContext) async throws -> VoidPaymentResponse {
        try await processor.void(request.paymentID, context)
        return VoidPaymentResponse()
    }

    func refund(_ request: RefundRequest, context: CallContext) async throws -> RefundResponse {
        guard request.amount.minorUnits > 0 else { throw PaymentError.amountOutOfRange }
        let refunded = try await processor.refund(
            request.refundID,
            of: request.paymentID,
            amount: request.amount.minorUnits,
            currency: request.amount.currency,
            context
        )
        return .with { $0.refunded = Money(refunded, currency: request.amount.currency) }
    }

    func payment(_ id: String, _ context: CallContext) async throws -> Payment {
        let store = processor.store
        return try await processor.database.read("payment", deadline: context.deadline) { tx in
            guard let payment = try store.payment(id, in: tx) else { throw PaymentError.unknownPayment(id) }
            return payment
        }
    }
}
