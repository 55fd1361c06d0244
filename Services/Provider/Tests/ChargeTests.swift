import Testing

@testable import Provider

@Suite("Charge")
struct ChargeTests {
    private func charge(_ status: Charge.Status = .authorised, captured: Int64 = 0, refunded: Int64 = 0) -> Charge {
        Charge(
            providerID: "pp_1",
            reference: "p1",
            currency: "GBP",
            amount: 100,
            status: status,
            captured: captured,
            refunded: refunded
        )
    }

    @Test("is captured in full, once")
    func capture() throws {
        var charge = charge()
        try charge.capture()
        #expect(charge == self.charge(.captured, captured: 100))
        #expect(throws: ProviderError.wrongState("captured")) { try charge.capture() }
        #expect(charge.captured == 100)
    }

    @Test("is cancelled only while it is authorised")
    func cancel() throws {
        var open = charge()
        try open.cancel()
        #expect(open.status == .cancelled)
        for status in [Charge.Status.captured, .cancelled, .declined] {
            var other = charge(status)
            #expect(throws: ProviderError.wrongState(status.rawValue)) { try other.cancel() }
        }
    }

    @Test("refunds at most the captured amount")
    func refund() throws {
        var charge = charge(.captured, captured: 100)
        try charge.refund(60)
        #expect(throws: ProviderError.refundTooLarge(requested: 41, left: 40)) { try charge.refund(41) }
        try charge.refund(40)
        #expect(throws: ProviderError.refundTooLarge(requested: 1, left: 0)) { try charge.refund(1) }
        #expect(charge.refunded == 100)
    }

    @Test("is refunded only when it is captured", arguments: [Charge.Status.authorised, .cancelled, .declined])
    func refundNothing(status: Charge.Status) {
        var charge = charge(status)
        #expect(throws: ProviderError.wrongState(status.rawValue)) { try charge.refund(1) }
    }
}

@Suite("Test provider behaviour")
struct BehaviourTests {
    @Test(
        "follows the method and the last two digits",
        arguments: [
            102: Behaviour.declines, 2: .declines, 105: .storesFailure, 108: .losesResponse, 109: .losesRequest,
            100: .works, 120: .works, 199: .works, 205: .storesFailure,
        ] as [Int64: Behaviour]
    )
    func byAmount(amount: Int64, behaviour: Behaviour) {
        #expect(Behaviour.of(method: "pm_test_by_amount", amount: amount) == behaviour)
        #expect(Behaviour.of(method: "pm_test_ok", amount: amount) == .works)
        #expect(Behaviour.of(method: "pm_test_declined", amount: amount) == .declines)
        #expect(Behaviour.of(method: "pm_card_visa", amount: amount) == nil)
    }
}
