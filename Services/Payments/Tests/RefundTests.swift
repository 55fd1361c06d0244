import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import Testing

@testable import Payments

@Suite("Refund")
struct RefundTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws {
        fixture = try await PaymentsFixture(provider)
        try await fixture.authorise()
    }

    @Test("needs a captured payment")
    func notCaptured() async throws {
        let fault = await refusal { try await fixture.refund("r1", 1) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.not_captured")
        #expect(await refusal { try await fixture.refund("r1", 1, of: "p2") }?.reason == "payments.unknown_payment")
    }

    @Test("partial refunds happen once per id, up to the captured amount")
    func parts() async throws {
        try await fixture.capture()
        for _ in 1...2 {
            let refunded = try await fixture.refund("r1", 60)
            #expect(refunded == 60)
        }
        #expect(try await fixture.refund("r2", 40) == 100)
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r2/1"])
        #expect(try await fixture.balances() == ["provider_clearing": 0, "refunds": 100, "sales": -100])
        #expect(try await fixture.payment().refunded.minorUnits == 100)
        #expect(try await fixture.reconciliation().equal)
    }

    @Test("a refund above the captured amount is refused")
    func tooLarge() async throws {
        try await fixture.capture()
        try await fixture.refund("r1", 60)
        let fault = await refusal { try await fixture.refund("r2", 41) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.refund_exceeds_capture")
        #expect(fault?.violations.map(\.field) == ["amount"])
        #expect(provider.views.first?.refunded == 60)
    }

    @Test("concurrent refunds never exceed the captured amount")
    func concurrent() async throws {
        try await fixture.capture()
        let fixture = fixture
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 1...10 {
                group.addTask { await refusal { try await fixture.refund("r\(number)", 30) } == nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 3)
        #expect(provider.views.first?.refunded == 90)
        #expect(try await fixture.balances() == ["provider_clearing": 10, "refunds": 90, "sales": -100])
    }

    @Test("a refund in flight counts towards the captured amount")
    func inFlight() async throws {
        try await fixture.capture()
        provider.script(.losesResponse)
        _ = await refusal { try await fixture.refund("r1", 60) }
        #expect(await refusal { try await fixture.refund("r2", 60) }?.reason == "payments.refund_exceeds_capture")
        #expect(try await fixture.refund("r1", 60) == 60)
        #expect(provider.views.first?.refunds.map(\.id) == ["r1"])
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r1/1"])
    }

    @Test(
        "a refund that happened despite a stored failure or an expired key is found",
        arguments: [ScriptedProvider.Behaviour.storesFailureAfterActing, .losesResponse]
    )
    func found(behaviour: ScriptedProvider.Behaviour) async throws {
        try await fixture.capture()
        provider.script(behaviour)
        _ = await refusal { try await fixture.refund("r1", 60) }
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        provider.dropKeys()
        #expect(try await fixture.refund("r1", 60) == 60)
        #expect(provider.views.first?.refunds.map(\.id) == ["r1"])
        #expect(try await fixture.balances()["refunds"] == 60)
    }

    @Test("a stored failure without a refund is retried with a new key")
    func storedFailure() async throws {
        try await fixture.capture()
        provider.script(.storesFailure)
        try await fixture.refund("r1", 60)
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r1/2"])
        #expect(provider.views.first?.refunds.map(\.id) == ["r1"])
        // The new key is not published.
        #expect(try await fixture.publishedStatuses() == [.authorised, .captured, .captured])
    }

    @Test("a repeated id with another amount, another currency and amount 0 are refused")
    func mismatch() async throws {
        try await fixture.capture()
        try await fixture.refund("r1", 60)
        let other = await refusal { try await fixture.refund("r1", 59) }
        #expect(other?.code == .invalidArgument)
        #expect(other?.reason == "payments.refund_mismatch")
        let euros = await refusal { try await fixture.refund("r2", 1, currency: "EUR") }
        #expect(euros?.code == .invalidArgument)
        #expect(euros?.violations.map(\.field) == ["amount.currency"])
        let nothing = await refusal { try await fixture.refund("r3", 0) }
        #expect(nothing?.violations.map(\.field) == ["amount.minor_units"])
    }

    @Test(
        "random steps and faults leave the ledger balanced and equal to the provider's",
        arguments: 0..<40 as Range<UInt64>
    )
    func ledger(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        let behaviours: [ScriptedProvider.Behaviour] = [
            .works, .declines, .storesFailure, .storesFailureAfterActing, .losesRequest, .losesResponse,
        ]
        for _ in 0..<30 {
            let id = "p\(chance.number(below: 3))"
            // Only an authorisation can be declined.
            let step = chance.number(below: 4)
            let refund = "r\(chance.number(below: 4))"
            let behaviour = Int(chance.number(below: 6))
            if step == 0 || !behaviours[behaviour].declines { provider.script(behaviours[behaviour]) }
            _ = await fixture.retry {
                switch step {
                case 0: try await fixture.authorise(id)
                case 1: try await fixture.capture(id)
                case 2: try await fixture.void(id)
                default: try await fixture.refund(refund, 30, of: id)
                }
            }
        }
        let balance = try await fixture.balance()
        #expect(balance.balanced)
        #expect(try await fixture.reconciliation().equal)
        #expect(provider.views.allSatisfy { $0.refunded <= $0.amount })
        #expect(provider.views.filter { $0.status == .captured }.count == Int(balance.capturedPayments))
    }
}
