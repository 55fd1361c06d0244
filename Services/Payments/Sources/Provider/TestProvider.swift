import MartletCore
import ProviderContract
import SwiftProtobuf

/// Calls the built-in test provider.
struct TestProvider: PaymentProvider {
    let client: any ProviderCalls
    let service: String

    func authorise(_ payment: Payment, key: String, _ context: CallContext) async throws -> ProviderResult {
        let request = CreatePaymentRequest.with {
            $0.reference = payment.id
            $0.currency = payment.currency
            $0.amount = payment.amount
            $0.paymentMethod = payment.method
        }
        return try await result {
            try await client.createPayment(request, context: context.outgoing(as: service, key: key)).payment
        }
    }

    func capture(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderResult {
        let request = CapturePaymentRequest.with { $0.providerID = providerID }
        return try await result {
            try await client.capturePayment(request, context: context.outgoing(as: service, key: key)).payment
        }
    }

    func void(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderResult {
        let request = CancelPaymentRequest.with { $0.providerID = providerID }
        return try await result {
            try await client.cancelPayment(request, context: context.outgoing(as: service, key: key)).payment
        }
    }

    func refund(
        _ providerID: String,
        _ refund: Refund,
        key: String,
        _ context: CallContext
    ) async throws -> ProviderResult {
        let request = CreateRefundRequest.with {
            $0.providerID = providerID
            $0.reference = refund.id
            $0.amount = refund.amount
        }
        return try await result {
            try await client.createRefund(request, context: context.outgoing(as: service, key: key)).payment
        }
    }

    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView] {
        let request = FindPaymentsRequest.with { $0.reference = reference }
        return try await client.findPayments(request, context: context.outgoing(as: service)).payments.map(
            ProviderView.init
        )
    }

    func totals(_ context: CallContext) async throws -> [ProviderTotals] {
        let ledger = try await client.getLedger(GetLedgerRequest(), context: context.outgoing(as: service))
        return ledger.sums.map {
            ProviderTotals(
                currency: $0.currency,
                authorised: $0.authorised,
                captured: $0.captured,
                refunded: $0.refunded
            )
        }
    }

    private func result(of call: () async throws -> ProviderPayment) async throws -> ProviderResult {
        do {
            return .done(ProviderView(try await call()))
        } catch let fault as Fault where fault.reason == "provider.stored_failure" {
            return .storedFailure
        } catch let fault as Fault where fault.code.outcome == .refused {
            guard Self.isDecision(fault) else {
                throw Fault(.unavailable, .outcomeUnknown, "the provider did not process the call", cause: fault)
            }
            return .refused(fault.reason.name)
        }
    }

    /// False for a refusal that does not concern the payment, such as an expired token: the outcome of an earlier call
    /// with this key stays unknown.
    private static func isDecision(_ fault: Fault) -> Bool {
        guard fault.reason != "provider.key_reused" else { return false }
        return fault.code == .invalidArgument || fault.reason.name.hasPrefix("provider.")
    }
}

extension ProviderView {
    fileprivate init(_ payment: ProviderPayment) {
        let status: Status =
            switch payment.status {
            case .captured: .captured
            case .cancelled: .cancelled
            case .declined: .declined
            default: .authorised
            }
        self.init(
            providerID: payment.providerID,
            status: status,
            amount: payment.amount,
            refunded: payment.refunded,
            refunds: payment.refunds.map(\.reference)
        )
    }
}
