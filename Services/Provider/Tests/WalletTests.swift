import Testing

@testable import Provider

@Suite("A wallet")
struct WalletTests {
    private func wallet(_ status: Wallet.Status = .authorised, captured: Int64 = 0, refunded: Int64 = 0) -> Wallet {
        Wallet(
            providerID: "pp_1",
            reference: "p1",
            currency: "GBP",
            amount: 100,
            status: status,
            captured: captured,
            refunded: refunded
        )
    }

    @Test("is captured whole, once")
    func capture() throws {
        var wallet = wallet()
        try wallet.capture()
        #expect(wallet == self.wallet(.captured, captured: 100))
        #expect(throws: ProviderError.wrongState("captured")) { try wallet.capture() }
        #expect(wallet.captured == 100)
    }

    @Test("is cancelled only before it is captured")
    func cancel() throws {
        var open = wallet()
        try open.cancel()
        #expect(open.status == .cancelled)
        for status in [Wallet.Status.captured, .cancelled, .declined] {
            var other = wallet(status)
            #expect(throws: ProviderError.wrongState(status.rawValue)) { try other.cancel() }
        }
    }

    @Test("gives back what was captured and no penny more")
    func refund() throws {
        var wallet = wallet(.captured, captured: 100)
        try wallet.refund(60)
        #expect(throws: ProviderError.refundTooLarge(wanted: 41, left: 40)) { try wallet.refund(41) }
        try wallet.refund(40)
        #expect(throws: ProviderError.refundTooLarge(wanted: 1, left: 0)) { try wallet.refund(1) }
        #expect(wallet.refunded == 100)
    }

    @Test("gives nothing back that was never taken", arguments: [Wallet.Status.authorised, .cancelled, .declined])
    func refundNothing(status: Wallet.Status) {
        var wallet = wallet(status)
        #expect(throws: ProviderError.wrongState(status.rawValue)) { try wallet.refund(1) }
    }
}

@Suite("The test provider's behaviour")
struct BehaviourTests {
    @Test(
        "follows the method and the last two digits",
        arguments: [
            102: Behaviour.declines, 2: .declines, 105: .storesFailure, 108: .losesAnswerAfterActing,
            109: .losesAnswerBeforeActing, 100: .works, 120: .works, 199: .works, 205: .storesFailure,
        ] as [Int64: Behaviour]
    )
    func byAmount(amount: Int64, behaviour: Behaviour) {
        #expect(Behaviour.of(method: "pm_test_by_amount", amount: amount) == behaviour)
        #expect(Behaviour.of(method: "pm_test_ok", amount: amount) == .works)
        #expect(Behaviour.of(method: "pm_test_declined", amount: amount) == .declines)
        #expect(Behaviour.of(method: "pm_card_visa", amount: amount) == nil)
    }
}
