import MartletCore
import Testing

@testable import Payments

@Suite("A posting")
struct PostingTests {
    private let payment = Payment(
        id: "p1",
        orderID: "o1",
        currency: "GBP",
        amount: 1_234,
        method: "pm",
        status: .captured,
        attempt: 2,
        keySince: Timestamp(seconds: 1),
        refundedMinorUnits: 0
    )

    @Test("has as much debit as credit, and no line with both")
    func balanced() {
        let refund = Refund(
            id: "r1",
            paymentID: "p1",
            amount: 34,
            isDone: true,
            attempt: 1,
            keySince: Timestamp(seconds: 1)
        )
        for posting in [Posting.capture(payment), .refund(refund, currency: "GBP")] {
            #expect(posting.entries.reduce(0) { $0 + $1.debit } == posting.entries.reduce(0) { $0 + $1.credit })
            #expect(posting.entries.allSatisfy { ($0.debit == 0) != ($0.credit == 0) })
        }
    }

    @Test("of a capture and its full refund leaves nothing at the provider")
    func undone() {
        let refund = Refund(
            id: "r1",
            paymentID: "p1",
            amount: payment.amount,
            isDone: true,
            attempt: 1,
            keySince: Timestamp(seconds: 1)
        )
        let entries = Posting.capture(payment).entries + Posting.refund(refund, currency: "GBP").entries
        let clearing = entries.filter { $0.account == .providerClearing }.reduce(0) { $0 + $1.debit - $1.credit }
        #expect(clearing == 0)
    }

    @Test("has a journal of its own per capture and per refund")
    func journals() {
        let refunds = [("r1", "p1"), ("r2", "p1"), ("r1", "p2")].map { id, payment in
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
        #expect(Set(refunds + [Posting.capture(payment).journal]).count == 4)
    }

    @Test("stands beside keys that change only with the attempt")
    func keys() {
        var next = payment
        next.status = .voiding
        #expect(next.key("capture") == payment.key("capture"))
        next.attempt += 1
        #expect(next.key("capture") != payment.key("capture"))
        #expect(payment.key("capture") != payment.key("void"))
    }
}
