import MartletCore
import Testing

@testable import Payments

@Suite("Ledger posting")
struct PostingTests {
    private let terms = Payment.Terms(orderID: "o1", currency: "GBP", amount: 1_234, method: "pm")

    @Test("debits equal credits, and no entry has both")
    func balanced() {
        let refund = Refund(
            id: "r1",
            paymentID: "p1",
            amount: 34,
            isDone: true,
            attempt: 1,
            keySince: Timestamp(seconds: 1)
        )
        for posting in [Posting.capture(of: "p1", terms), .refund(refund, currency: "GBP")] {
            #expect(posting.entries.reduce(0) { $0 + $1.debit } == posting.entries.reduce(0) { $0 + $1.credit })
            #expect(posting.entries.allSatisfy { ($0.debit == 0) != ($0.credit == 0) })
        }
    }

    @Test("a capture and its full refund clear the provider's account")
    func captureAndRefund() {
        let refund = Refund(
            id: "r1",
            paymentID: "p1",
            amount: terms.amount,
            isDone: true,
            attempt: 1,
            keySince: Timestamp(seconds: 1)
        )
        let entries = Posting.capture(of: "p1", terms).entries + Posting.refund(refund, currency: "GBP").entries
        let clearing = entries.filter { $0.account == .providerClearing }.reduce(0) { $0 + $1.debit - $1.credit }
        #expect(clearing == 0)
    }

    @Test("every capture and every refund has its own journal")
    func journals() {
        let refunds = [("r1", "p1"), ("r2", "p1"), ("r1", "p2"), ("r1/x", "p1"), ("x", "p1/r1")].map { id, payment in
            Posting.refund(
                Refund(
                    id: id,
                    paymentID: payment,
                    amount: 1,
                    isDone: true,
                    attempt: 1,
                    keySince: Timestamp(seconds: 1)
                ),
                currency: "GBP"
            ).journal
        }
        #expect(Set(refunds + [Posting.capture(of: "p1", terms).journal]).count == 6)
    }
}
