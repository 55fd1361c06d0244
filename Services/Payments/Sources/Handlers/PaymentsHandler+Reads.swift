import MartletContract
import MartletCore
import MartletSQL
import PaymentsContract
import SharedContract
import SwiftProtobuf

extension PaymentsHandler {
    func getPayment(_ request: GetPaymentRequest, _ call: Call) async throws -> GetPaymentResponse {
        let store = processor.store
        let payment = try await call.read { tx in
            guard let payment = try store.payment(request.paymentID, in: tx) else {
                throw PaymentError.unknownPayment(request.paymentID)
            }
            return payment
        }
        return .with {
            $0.paymentID = payment.id
            $0.orderID = payment.terms?.orderID.text ?? ""
            $0.status = payment.publishedStatus
            $0.amount = payment.money(payment.terms?.amount ?? 0)
            $0.captured = payment.money(payment.capturedMinorUnits)
            $0.refunded = payment.money(payment.refundedMinorUnits)
            $0.created = Google_Protobuf_Timestamp(payment.created)
        }
    }

    func listDisagreements(
        _ request: ListDisagreementsRequest,
        _ call: Call
    ) async throws -> ListDisagreementsResponse {
        let store = processor.store
        let disagreements = try await call.read(kind: .scan) { tx in
            try store.disagreements(in: tx)
        }
        return .with { $0.disagreements = disagreements }
    }

    func getTrialBalance(
        _ request: GetTrialBalanceRequest,
        _ call: Call
    ) async throws -> GetTrialBalanceResponse {
        let store = processor.store
        return try await call.read(kind: .scan) { tx in
            let accounts = try store.accounts(in: tx)
            let counts = try store.counts(in: tx)
            return .with { response in
                response.accounts = accounts
                response.sums = Dictionary(grouping: accounts) { ExactText($0.currency) }.sorted { $0.key < $1.key }
                    .map { currency, accounts in
                        .with {
                            $0.currency = currency.text
                            $0.debits = accounts.reduce(0) { $0 + $1.debits }
                            $0.credits = accounts.reduce(0) { $0 + $1.credits }
                        }
                    }
                response.balanced = response.sums.allSatisfy { $0.debits == $0.credits }
                if response.sums.count == 1, let only = response.sums.first {
                    response.debits = only.debits
                    response.credits = only.credits
                }
                response.capturedPayments = counts[.captured, default: 0]
                response.voidedPayments = counts[.voided, default: 0]
                response.declinedPayments = counts[.declined, default: 0]
                response.openPayments = [Payment.Status.authorising, .authorised, .capturing, .voiding]
                    .reduce(0) { $0 + counts[$1, default: 0] }
            }
        }
    }

    func reconcile(_ request: ReconcileRequest, _ call: Call) async throws -> ReconcileResponse {
        let theirs = try await processor.provider.totals(call.outgoing)
        let store = processor.store
        let ours = try await call.read(kind: .scan) { tx in
            try store.totals(in: tx)
        }
        let currencies = Set((ours.map(\.currency) + theirs.map(\.currency)).map(ExactText.init(_:)))
        let sums = currencies.sorted().map { currency in
            let our = ours.first { ExactText($0.currency) == currency }
            let their = theirs.first { ExactText($0.currency) == currency }
            return ReconcileResponse.CurrencySum.with {
                $0.currency = currency.text
                $0.ourCaptured = our?.captured ?? 0
                $0.ourRefunded = our?.refunded ?? 0
                $0.providerCaptured = their?.captured ?? 0
                $0.providerRefunded = their?.refunded ?? 0
                $0.providerAuthorised = their?.authorised ?? 0
            }
        }
        return .with { response in
            response.sums = sums
            response.equal = sums.allSatisfy {
                $0.ourCaptured == $0.providerCaptured && $0.ourRefunded == $0.providerRefunded
            }
            guard sums.count == 1, let only = sums.first else { return }
            response.ourCaptured = only.ourCaptured
            response.ourRefunded = only.ourRefunded
            response.providerCaptured = only.providerCaptured
            response.providerRefunded = only.providerRefunded
            response.providerAuthorised = only.providerAuthorised
        }
    }
}
