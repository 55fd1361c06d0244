import MartletCore
import Testing

@testable import Payments

@Suite("Payment steps")
struct PaymentStepTests {
    private static let terms = Payment.Terms(orderID: "o1", currency: "GBP", amount: 100, method: "pm")
    private let start = Timestamp(seconds: 1_000)
    private let later = Timestamp(seconds: 1_001)

    /// A step whose call is in flight.
    struct Flight: Sendable {
        let status: Payment.Status
        let step: PaymentStep
        /// The step of the key, which is the authorisation's until that has an outcome.
        let key: String
        let description: String
    }

    private func payment(_ status: Payment.Status, attempt: Int = 1) -> Payment {
        Payment(
            id: "p1",
            terms: Self.terms,
            status: status,
            providerID: status == .authorising ? nil : "pp1",
            attempt: attempt,
            keySince: start,
            refunds: [],
            refundedMinorUnits: 0,
            created: start
        )
    }

    private func view(_ status: ProviderView.Status) -> ProviderView {
        ProviderView("pp1", status)
    }

    // MARK: Authorise

    @Test("authorise creates the payment and calls under its first key")
    func authorise() throws {
        var payment = try Payment(id: "p1", for: .authorise(Self.terms), at: start)
        let request = try payment.begin(.authorise(Self.terms), at: start)
        #expect(payment == self.payment(.authorising))
        #expect(
            request
                == ProviderRequest(
                    paymentID: "p1",
                    terms: Self.terms,
                    action: .authorise,
                    key: "authorise/p1/1",
                    attempt: 1,
                    keySince: start,
                    decided: start
                )
        )
    }

    @Test(
        "an authorisation ends as the provider decides, and posts nothing",
        arguments: [
            (.done(ProviderView("pp1", .authorised)), .authorised),
            (.done(ProviderView("pp1", .declined)), .declined),
            (.refused("provider.declined"), .declined),
        ] as [(ProviderResult, Payment.Status)]
    )
    func authorised(result: ProviderResult, status: Payment.Status) throws {
        var payment = payment(.authorising)
        let request = try payment.call(for: .authorise(Self.terms), at: later)
        let postings = payment.received(result, to: request, at: later)
        #expect(postings == [])
        #expect(payment.status == status)
        let next = try payment.begin(.authorise(Self.terms), at: later)
        #expect(next == nil)
    }

    @Test(
        "the outcome of an authorisation, by the payment's status",
        arguments: [
            (.authorised, nil), (.capturing, nil), (.captured, nil), (.declined, .declined), (.voiding, .voided),
            (.voided, .voided), (.authorising, .providerDisagrees("authorisation of p1 fails under every key")),
        ] as [(Payment.Status, PaymentError?)]
    )
    func authorisationOutcome(status: Payment.Status, expected: PaymentError?) {
        #expect(outcome(of: .authorise(Self.terms), payment(status)) == expected)
    }

    @Test("an authorisation with other terms makes no call and is refused")
    func mismatch() throws {
        let other = Payment.Terms(orderID: "o1", currency: "GBP", amount: 101, method: "pm")
        var payment = payment(.authorising)
        let request = try payment.begin(.authorise(other), at: later)
        #expect(request == nil)
        #expect(payment == self.payment(.authorising))
        #expect(outcome(of: .authorise(other), payment) == .paymentMismatch("p1"))
    }

    @Test("terms that look alike are other terms")
    func lookAlikeTerms() throws {
        let kelvin = Payment.Terms(orderID: "\u{212A}1", currency: "GBP", amount: 100, method: "pm")
        let kay = Payment.Terms(orderID: "K1", currency: "GBP", amount: 100, method: "pm")
        #expect(kelvin != kay)
        var payment = try Payment(id: "p1", for: .authorise(kay), at: start)
        let request = try payment.begin(.authorise(kelvin), at: start)
        #expect(request == nil)
    }

    // MARK: Capture

    @Test("capture begins once: a repeat keeps the key and the time at which it was stored")
    func capture() throws {
        var payment = payment(.authorised)
        let first = try payment.call(for: .capture, at: later)
        #expect(payment.status == .capturing)
        #expect(first.action == .capture(providerID: "pp1"))
        #expect(first.key == "capture/p1/1")
        #expect(first.keySince == later)

        let repeated = try payment.call(for: .capture, at: later + .seconds(1))
        #expect(repeated.key == first.key)
        #expect(repeated.keySince == later)

        let postings = payment.received(.done(view(.captured)), to: repeated, at: later)
        #expect(postings == [.capture(of: "p1", Self.terms)])
        #expect(payment.status == .captured)
        #expect(payment.capturedMinorUnits == 100)

        let late = payment.received(.done(view(.captured)), to: first, at: later)
        #expect(late == [])
        let next = try payment.begin(.capture, at: later)
        #expect(next == nil)
        #expect(outcome(of: .capture, payment) == nil)
    }

    @Test(
        "capture needs an authorised payment",
        arguments: [.authorising, .declined, .voiding, .voided] as [Payment.Status]
    )
    func notAuthorised(status: Payment.Status) {
        var payment = payment(status)
        #expect(throws: PaymentError.notAuthorised(status)) { try payment.begin(.capture, at: later) }
        #expect(payment == self.payment(status))
    }

    @Test("capture, void and refund of an unknown payment: only the void creates one")
    func unknown() throws {
        let refund = PaymentStep.refund(id: "r1", amount: 1, currency: "GBP")
        for step in [PaymentStep.capture, refund] {
            #expect(throws: PaymentError.unknownPayment("p1")) { try Payment(id: "p1", for: step, at: start) }
        }
        var payment = try Payment(id: "p1", for: .void, at: start)
        #expect(payment.status == .voided)
        #expect(payment.terms == nil)
        for step in [PaymentStep.void, .authorise(Self.terms)] {
            let request = try payment.begin(step, at: later)
            #expect(request == nil)
        }
        #expect(outcome(of: .void, payment) == nil)
        #expect(outcome(of: .authorise(Self.terms), payment) == .voided)
    }

    // MARK: Void

    @Test("void of an authorised payment")
    func void() throws {
        var payment = payment(.authorised)
        let request = try payment.call(for: .void, at: later)
        #expect(payment.status == .voiding)
        #expect(request.action == .void(providerID: "pp1"))
        #expect(request.key == "void/p1/1")
        let postings = payment.received(.done(view(.cancelled)), to: request, at: later)
        #expect(postings == [])
        #expect(payment.status == .voided)
        #expect(outcome(of: .void, payment) == nil)
    }

    @Test("void of an unknown authorisation resolves it under its own key first")
    func unknownAuthorisation() throws {
        var payment = payment(.authorising)
        let resolving = try payment.call(for: .void, at: later)
        #expect(resolving.key == "authorise/p1/1")
        #expect(payment.status == .authorising)
        _ = payment.received(.done(view(.authorised)), to: resolving, at: later)
        #expect(payment.status == .authorised)
        let request = try payment.call(for: .void, at: later)
        #expect(request.key == "void/p1/1")
        #expect(payment.status == .voiding)
    }

    @Test(
        "a void after a decline is done, after a capture refused",
        arguments: [(.declined, nil), (.capturing, .alreadyCaptured), (.captured, .alreadyCaptured)]
            as [(Payment.Status, PaymentError?)]
    )
    func voidOutcome(status: Payment.Status, expected: PaymentError?) throws {
        var payment = payment(status)
        let request = try payment.begin(.void, at: later)
        #expect(request == nil)
        #expect(outcome(of: .void, payment) == expected)
    }

    // MARK: Keys

    @Test("idempotency keys change only with the step and the attempt")
    func keys() {
        let captured = payment(.captured, attempt: 2)
        var next = captured
        next.status = .voiding
        #expect(next.key("capture") == captured.key("capture"))
        next.attempt += 1
        #expect(next.key("capture") != captured.key("capture"))
        #expect(captured.key("capture") != captured.key("void"))
    }

    private static let authorisations = [
        Flight(status: .authorising, step: .authorise(terms), key: "authorise", description: "authorisation of p1"),
        Flight(status: .authorising, step: .void, key: "authorise", description: "authorisation of p1"),
    ]
    private static let laterFlights = [
        Flight(status: .capturing, step: .capture, key: "capture", description: "capture of p1"),
        Flight(status: .voiding, step: .void, key: "void", description: "void of p1"),
    ]

    @Test("a used-up key is followed by the next one", arguments: authorisations + laterFlights)
    func nextKey(flight: Flight) throws {
        var payment = payment(flight.status)
        let request = try payment.call(for: flight.step, at: later)
        let postings = payment.received(nil, to: request, at: later)
        #expect(postings == [])
        #expect(payment.status == flight.status)
        let next = try payment.call(for: flight.step, at: later)
        #expect(next.key == "\(flight.key)/p1/2")
        #expect(next.attempt == 2)
        #expect(next.keySince == later)
        // The first call's result is late: it was under the key that is used up.
        let before = payment
        _ = payment.received(.done(view(.declined)), to: request, at: later)
        #expect(payment == before)
    }

    @Test("the last key is used, and none after it", arguments: authorisations + laterFlights)
    func keysLimit(flight: Flight) throws {
        var payment = payment(flight.status, attempt: Payment.attemptsLimit)
        let last = try payment.begin(flight.step, at: later)
        #expect(last?.attempt == Payment.attemptsLimit)
        payment.attempt += 1
        let next = try payment.begin(flight.step, at: later)
        #expect(next == nil)
        #expect(outcome(of: flight.step, payment) == .providerDisagrees("\(flight.description) fails under every key"))
    }

    @Test("a key expires after its lifetime, by the time at which the call is decided on")
    func expiry() throws {
        var payment = payment(.capturing)
        let atLimit = try payment.begin(.capture, at: start + ProviderRequest.keyLifetime)
        #expect(atLimit?.isKeyExpired == false)
        let after = try payment.begin(.capture, at: start + ProviderRequest.keyLifetime + .microseconds(1))
        #expect(after?.isKeyExpired == true)
    }

    @Test("a refused capture or void is a disagreement, and books nothing", arguments: laterFlights)
    func refused(flight: Flight) throws {
        var payment = payment(flight.status)
        let request = try payment.call(for: flight.step, at: later)
        let postings = payment.received(.refused("no"), to: request, at: later)
        #expect(postings == [])
        #expect(payment.status == flight.status)
        #expect(payment.disagreement == Disagreement(refundID: nil, difference: "refused: no", since: later))
        #expect(outcome(of: flight.step, payment) == .providerDisagrees("\(flight.description): refused: no"))
    }

    private func outcome(of step: PaymentStep, _ payment: Payment) -> PaymentError? {
        do {
            try payment.checkOutcome(of: step)
            return nil
        } catch {
            return error
        }
    }
}
