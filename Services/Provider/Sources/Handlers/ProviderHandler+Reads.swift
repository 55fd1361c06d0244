import MartletContract
import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

extension ProviderHandler {
    func findPayments(_ request: FindPaymentsRequest, _ call: Call) async throws -> FindPaymentsResponse {
        try await call.read { tx in
            var found: [ProviderPayment] = []
            for (charge, created) in try store.charges(reference: request.reference, in: tx) {
                var payment = try charge.message(refunds: try store.refunds(of: charge.providerID, in: tx))
                payment.created = Google_Protobuf_Timestamp(created)
                found.append(payment)
            }
            return .with { $0.payments = found }
        }
    }

    func getLedger(_ request: GetLedgerRequest, _ call: Call) async throws -> GetLedgerResponse {
        try await call.read(kind: .scan) { tx in
            let counts = try store.counts(in: tx)
            let sums = try store.sums(in: tx)
            return .with { response in
                response.payments = counts[.authorise, default: 0]
                response.captures = counts[.capture, default: 0]
                response.refunds = counts[.refund, default: 0]
                response.sums = sums
                guard sums.count == 1, let only = sums.first else { return }
                response.authorised = only.authorised
                response.captured = only.captured
                response.refunded = only.refunded
            }
        }
    }
}

extension Charge {
    func message(refunds: [SQLRow]) throws -> ProviderPayment {
        try .with { payment in
            payment.providerID = providerID
            payment.reference = reference
            payment.currency = currency
            payment.amount = amount
            payment.captured = captured
            payment.refunded = refunded
            payment.status =
                switch status {
                case .authorised: .authorised
                case .captured: .captured
                case .cancelled: .cancelled
                case .declined: .declined
                }
            payment.refunds = try refunds.map { row in
                try .with {
                    $0.refundID = try row.text(0)
                    $0.reference = try row.text(1)
                    $0.amount = try row.int64(2)
                }
            }
        }
    }
}
