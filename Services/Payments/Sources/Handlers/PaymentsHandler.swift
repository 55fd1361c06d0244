import MartletContract
import MartletCore
import PaymentsContract
import SharedContract
import SwiftProtobuf

/// Converts payment requests into steps and results into responses.
struct PaymentsHandler: PaymentsHandling {
    let processor: PaymentProcessor

    func authorise(_ request: AuthoriseRequest, _ call: Call) async throws -> AuthoriseResponse {
        try await processor.run(.authorise(Payment.Terms(request)), on: request.paymentID, call.outgoing)
        return AuthoriseResponse()
    }

    func capture(_ request: CaptureRequest, _ call: Call) async throws -> CaptureResponse {
        let payment = try await processor.run(.capture, on: request.paymentID, call.outgoing)
        return .with { $0.captured = payment.money(payment.capturedMinorUnits) }
    }

    func voidPayment(_ request: VoidPaymentRequest, _ call: Call) async throws -> VoidPaymentResponse {
        try await processor.run(.void, on: request.paymentID, call.outgoing)
        return VoidPaymentResponse()
    }

    func refund(_ request: RefundRequest, _ call: Call) async throws -> RefundResponse {
        let payment = try await processor.run(PaymentStep(request), on: request.paymentID, call.outgoing)
        return .with { $0.refunded = payment.money(payment.refundedMinorUnits) }
    }

    func checkPayment(_ request: CheckPaymentRequest, _ call: Call) async throws -> CheckPaymentResponse {
        let payment = try await processor.check(request.paymentID, call.outgoing)
        return .with {
            $0.status = payment.publishedStatus
            $0.difference = payment.disagreement?.difference ?? ""
        }
    }
}

extension Payment.Terms {
    /// - Throws: `PaymentError.amountOutOfRange`.
    fileprivate init(_ request: AuthoriseRequest) throws(PaymentError) {
        guard request.amount.minorUnits > 0 else { throw .amountOutOfRange }
        self.init(
            orderID: ExactText(request.orderID),
            currency: ExactText(request.amount.currency),
            amount: request.amount.minorUnits,
            method: ExactText(request.paymentMethod)
        )
    }
}

extension PaymentStep {
    /// - Throws: `PaymentError.amountOutOfRange`.
    fileprivate init(_ request: RefundRequest) throws(PaymentError) {
        guard request.amount.minorUnits > 0 else { throw .amountOutOfRange }
        self = .refund(
            id: request.refundID,
            amount: request.amount.minorUnits,
            currency: request.amount.currency
        )
    }
}
