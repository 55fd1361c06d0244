import MartletContract
import MartletCore
import MartletSQL
import PaymentsContract
import SharedContract
import SwiftProtobuf

extension PaymentsHandler {
    func getPayment(_ request: GetPaymentRequest, context: CallContext) async throws -> GetPaymentResponse {
        let payment = try await payment(request.paymentID, context)
        return .with {
            $0.paymentID = payment.id
            $0.orderID = payment.orderID
            $0.status = payment.status.published
            $0.amount = Money(payment.amount, currency: payment.currency)
            $0.captured = Money(payment.capturedMinorUnits, currency: payment.currency)
            $0.refunded = Money(payment.refundedMinorUnits, currency: payment.currency)
            if let created = payment.created { $0.created = Google_Protobuf_Timestamp(created) }
        }
    }

    func getTrialBalance(
        _ request: GetTrialBalanceRequest,
        context: CallContext
    ) async throws -> GetTrialBalanceResponse {
        try await till.database.read("trial balance", deadline: context.deadline) { tx in
            let accounts = try tx.run(
                """
                SELECT account, currency, SUM(debit), SUM(credit) FROM ledger
                GROUP BY account, currency ORDER BY account, currency
                """
            )
            let statuses = try tx.run("SELECT status, COUNT(*) FROM payments GROUP BY status")
            let counts = Dictionary(uniqueKeysWithValues: statuses.map { ($0.text(0), UInt64($0.int(1))) })
            return .with { response in
                response.accounts = accounts.map { row in
                    .with {
                        $0.name = row.text(0)
                        $0.currency = row.text(1)
                        $0.debits = row.int64(2)
                        $0.credits = row.int64(3)
                    }
                }
                response.debits = response.accounts.reduce(0) { $0 + $1.debits }
                response.credits = response.accounts.reduce(0) { $0 + $1.credits }
                response.balanced = response.debits == response.credits
                response.capturedPayments = counts["captured", default: 0]
                response.voidedPayments = counts["voided", default: 0]
                response.declinedPayments = counts["declined", default: 0]
                response.openPayments = ["authorising", "authorised", "capturing", "voiding"]
                    .reduce(0) { $0 + counts[$1, default: 0] }
            }
        }
    }

    func reconcile(_ request: ReconcileRequest, context: CallContext) async throws -> ReconcileResponse {
        let totals = try await till.provider.totals(context)
        let ours = try await till.database.read("reconcile", deadline: context.deadline) { tx in
            try tx.run(
                """
                SELECT COALESCE(SUM(CASE WHEN status = 'captured' THEN amount ELSE 0 END), 0),
                    COALESCE(SUM(refunded), 0) FROM payments
                """
            )[0]
        }
        return .with {
            $0.ourCaptured = ours.int64(0)
            $0.ourRefunded = ours.int64(1)
            $0.providerCaptured = totals.captured
            $0.providerRefunded = totals.refunded
            $0.providerAuthorised = totals.authorised
            $0.equal = $0.ourCaptured == $0.providerCaptured && $0.ourRefunded == $0.providerRefunded
        }
    }
}
