import MartletCore
import Testing

@testable import Payments

@Suite("Refund steps")
struct RefundStepTests {
    private let start = Timestamp(seconds: 1_000)
    private let later = Timestamp(seconds: 1_001)
    private let step = PaymentStep.refund(id: "r1", amount: 60, currency: "GBP")

    private func payment(_ status: Payment.Status = .captured) -> Payment {
        Payment(
            id: "p1",
            terms: Payment.Terms(orderID: "o1", currency: "GBP", amount: 100, method: "pm"),
            status: status,
            providerID: "pp1",
            attempt: 3,
            keySince: start,
            refunds: [],
            refundedMinorUnits: 0,
            created: start
        )
    }

    private func view(refunds: [String]) -> ProviderView {
        ProviderView("pp1", .captured, refunds: refunds.map { ($0, 60) })
    }

    @Test("a refund begins once, has its own key, and is posted once")
    func once() throws {
        var payment = payment()
        let request = try payment.call(for: step, at: start)
        #expect(request.action == .refund(providerID: "pp1", id: "r1", amount: 60))
        #expect(request.key == "refund/p1/r1/1")
        #expect(payment.refunds.map(\.isDone) == [false])

        let repeated = try payment.call(for: step, at: later)
        #expect(repeated.key == request.key)
        #expect(repeated.keySince == start)
        #expect(payment.refunds.count == 1)

        let postings = payment.received(.done(view(refunds: ["r1"])), to: request, at: later)
        let refund = try #require(payment.refunds.first)
        #expect(refund.isDone)
        #expect(postings == [.refund(refund, currency: "GBP")])
        #expect(payment.refundedMinorUnits == 60)

        let late = payment.received(.done(view(refunds: ["r1"])), to: repeated, at: later)
        #expect(late == [])
        #expect(payment.refundedMinorUnits == 60)
        let next = try payment.begin(step, at: later)
        #expect(next == nil)
        #expect(throws: Never.self) { try payment.checkOutcome(of: step) }
    }

    @Test("refunds in flight and done count towards the captured amount, up to it")
    func limit() throws {
        var payment = payment()
        let request = try payment.call(for: step, at: start)
        let before = payment
        let tooMuch = PaymentStep.refund(id: "r2", amount: 41, currency: "GBP")
        #expect(throws: PaymentError.refundExceedsCapture(requested: 41, left: 40)) {
            try payment.begin(tooMuch, at: start)
        }
        #expect(payment == before)
        _ = payment.received(.done(view(refunds: ["r1"])), to: request, at: start)
        #expect(throws: PaymentError.refundExceedsCapture(requested: 41, left: 40)) {
            try payment.begin(tooMuch, at: start)
        }
        let rest = try payment.begin(.refund(id: "r2", amount: 40, currency: "GBP"), at: start)
        #expect(rest?.key == "refund/p1/r2/1")
    }

    @Test("a repeated id with another amount, another currency and a payment that is not captured are refused")
    func refused() throws {
        var payment = payment()
        _ = try payment.begin(step, at: start)
        let before = payment
        #expect(throws: PaymentError.refundMismatch("r1")) {
            try payment.begin(.refund(id: "r1", amount: 59, currency: "GBP"), at: start)
        }
        #expect(throws: PaymentError.otherCurrency("GBP")) {
            try payment.begin(.refund(id: "r1", amount: 60, currency: "EUR"), at: start)
        }
        #expect(payment == before)
        var authorised = self.payment(.authorised)
        #expect(throws: PaymentError.notCaptured(.authorised)) { try authorised.begin(step, at: start) }
    }

    @Test("a used-up key is followed by the refund's next one, without a change of the payment's own key")
    func nextKey() throws {
        var payment = payment()
        let request = try payment.call(for: step, at: start)
        let postings = payment.received(nil, to: request, at: later)
        #expect(postings == [])
        let next = try payment.call(for: step, at: later)
        #expect(next.key == "refund/p1/r1/2")
        #expect(next.keySince == later)
        #expect(payment.attempt == 3)

        // The first call's result is late: it was under the key that is used up.
        let late = payment.received(.done(view(refunds: ["r1"])), to: request, at: later)
        #expect(late == [])
        #expect(payment.refundedMinorUnits == 0)
    }

    @Test("needs an operator when every key is used up")
    func keysLimit() throws {
        var payment = payment()
        for _ in 1...Payment.attemptsLimit {
            let request = try payment.call(for: step, at: start)
            _ = payment.received(nil, to: request, at: start)
        }
        let next = try payment.begin(step, at: start)
        #expect(next == nil)
        #expect(throws: PaymentError.providerDisagrees("refund r1 of p1 fails under every key")) {
            try payment.checkOutcome(of: step)
        }
    }

    @Test("a refund that the provider refuses is a disagreement, and books nothing")
    func contradiction() throws {
        var payment = payment()
        let request = try payment.call(for: step, at: start)
        var expected = payment
        expected.disagreement = Disagreement(refundID: "r1", difference: "refused: no", since: later)
        let postings = payment.received(.refused("no"), to: request, at: later)
        #expect(postings == [])
        #expect(payment == expected)
        #expect(throws: PaymentError.providerDisagrees("refund r1 of p1: refused: no")) {
            try payment.checkOutcome(of: step)
        }
    }
}
