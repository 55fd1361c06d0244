import MartletCore
import ProviderContract
import SwiftProtobuf

/// Calls the built-in test provider.
struct TestProvider: PaymentProvider {
    let client: any ProviderCalls

    func send(_ request: ProviderRequest, _ context: CallContext) async throws -> ProviderResult {
        var context = context
        context.idempotencyKey = request.key
        let keyed = context
        return try await result { try await call(request, keyed) }
    }

    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView] {
        let request = FindPaymentsRequest.with { $0.reference = reference }
        return try await client.findPayments(request, context: context).payments.map {
            try ProviderView($0)
        }
    }

    func totals(_ context: CallContext) async throws -> [ProviderTotals] {
        let ledger = try await client.getLedger(GetLedgerRequest(), context: context)
        return ledger.sums.map {
            ProviderTotals(
                currency: $0.currency,
                authorised: $0.authorised,
                captured: $0.captured,
                refunded: $0.refunded
            )
        }
    }

    private func call(_ request: ProviderRequest, _ context: CallContext) async throws -> ProviderPayment {
        switch request.action {
        case .authorise:
            let create = CreatePaymentRequest.with {
                $0.reference = request.paymentID
                $0.currency = request.terms.currency.text
                $0.amount = request.terms.amount
                $0.paymentMethod = request.terms.method.text
            }
            return try await client.createPayment(create, context: context).payment
        case .capture(let providerID):
            let capture = CapturePaymentRequest.with { $0.providerID = providerID }
            return try await client.capturePayment(capture, context: context).payment
        case .void(let providerID):
            let cancel = CancelPaymentRequest.with { $0.providerID = providerID }
            return try await client.cancelPayment(cancel, context: context).payment
        case .refund(let providerID, let id, let amount):
            let refund = CreateRefundRequest.with {
                $0.providerID = providerID
                $0.reference = id
                $0.amount = amount
            }
            return try await client.createRefund(refund, context: context).payment
        }
    }

    private func result(of call: () async throws -> ProviderPayment) async throws -> ProviderResult {
        do {
            return .done(try ProviderView(try await call()))
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
    /// - Throws: An unknown outcome for a status that this program does not have.
    fileprivate init(_ payment: ProviderPayment) throws {
        let status: Status
        switch payment.status {
        case .authorised: status = .authorised
        case .captured: status = .captured
        case .cancelled: status = .cancelled
        case .declined: status = .declined
        case .unspecified, .UNRECOGNIZED:
            throw Fault(.unknown, .outcomeUnknown, "the provider's payment has the status \(payment.status.rawValue)")
        }
        self.init(
            providerID: payment.providerID,
            status: status,
            currency: payment.currency,
            amount: payment.amount,
            captured: payment.captured,
            refunded: payment.refunded,
            refunds: payment.refunds.map { ProviderView.Refund(id: ExactText($0.reference), amount: $0.amount) }
        )
    }
}
