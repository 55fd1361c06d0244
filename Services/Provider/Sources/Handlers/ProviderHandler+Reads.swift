import MartletContract
import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

extension ProviderHandler {
    func findPayments(_ request: FindPaymentsRequest, context: CallContext) async throws -> FindPaymentsResponse {
        try await database.read("find payments", deadline: context.deadline) { tx in
            var found: [ProviderPayment] = []
            for (wallet, created) in try store.wallets(reference: request.reference, in: tx) {
                var payment = wallet.message(refunds: try store.refunds(of: wallet.providerID, in: tx))
                payment.created = Google_Protobuf_Timestamp(created)
                found.append(payment)
            }
            return .with { $0.payments = found }
        }
    }

    func getLedger(_ request: GetLedgerRequest, context: CallContext) async throws -> GetLedgerResponse {
        try await database.read("ledger", deadline: context.deadline) { tx in
            let moves = try tx.run("SELECT kind, COUNT(*), SUM(amount) FROM ledger GROUP BY kind")
            let sums = Dictionary(uniqueKeysWithValues: moves.map { ($0.text(0), ($0.int(1), $0.int64(2))) })
            let open = try tx.run("SELECT COALESCE(SUM(amount), 0) FROM payments WHERE status = 'authorised'")
            return .with {
                $0.payments = UInt64(sums["authorise"]?.0 ?? 0)
                $0.authorised = open[0].int64(0)
                $0.captures = UInt64(sums["capture"]?.0 ?? 0)
                $0.captured = sums["capture"]?.1 ?? 0
                $0.refunds = UInt64(sums["refund"]?.0 ?? 0)
                $0.refunded = sums["refund"]?.1 ?? 0
            }
        }
    }
}

extension Wallet {
    func message(refunds: [SQLRow]) -> ProviderPayment {
        .with { payment in
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
            payment.refunds = refunds.map { row in
                .with {
                    $0.refundID = row.text(0)
                    $0.reference = row.text(1)
                    $0.amount = row.int64(2)
                }
            }
        }
    }
}
