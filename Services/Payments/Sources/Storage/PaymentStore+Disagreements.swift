import MartletContract
import MartletCore
import MartletSQL
import PaymentsContract
import SwiftProtobuf

extension PaymentStore {
    /// How many disagreements one response lists.
    static let disagreementsLimit = 100

    /// How many payments have a provider that disagrees.
    func countDisagreements(in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run("SELECT COUNT(*) FROM disagreements").first?.int(0) ?? 0
    }

    /// The payments whose provider disagrees, oldest disagreement first.
    func disagreements(in tx: borrowing SQLTransaction) throws -> [ListDisagreementsResponse.Disagreement] {
        try tx.run(
            """
            SELECT payment_id, status, refund_id, provider_id, difference, since
            FROM disagreements JOIN payments ON payments.id = disagreements.payment_id
            ORDER BY since, payment_id LIMIT \(Self.disagreementsLimit)
            """
        ).map { row in
            let status = try row.decode(1, as: Payment.Status.self)
            return try .with {
                $0.paymentID = try row.text(0)
                $0.status = status.published
                $0.refundID = try row.textIfPresent(2) ?? ""
                $0.providerID = try row.textIfPresent(3) ?? ""
                $0.difference = try row.text(4)
                $0.since = try Google_Protobuf_Timestamp(Timestamp(microseconds: row.int64(5)))
            }
        }
    }
}
