import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import Testing

@testable import Payments

@Suite("A refund")
struct RefundTests {
    let provider = ScriptedProvider()
    let world: PaymentsWorld

    init() async throws {
        world = try await PaymentsWorld(provider)
        try await world.authorise()
    }

    @Test("needs captured money")
    func notCaptured() async throws {
        let fault = await refusal { try await world.refund("r1", 1) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.not_captured")
        #expect(await refusal { try await world.refund("r1", 1, of: "p2") }?.reason == "payments.unknown_payment")
    }

    @Test("happens once per id, in parts up to the whole")
    func parts() async throws {
        try await world.capture()
        for _ in 1...2 {
            let refunded = try await world.refund("r1", 60)
            #expect(refunded == 60)
        }
        #expect(try await world.refund("r2", 40) == 100)
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r2/1"])
        #expect(try await world.balances() == ["provider_clearing": 0, "refunds": 100, "sales": -100])
        #expect(try await world.payment().refunded.minorUnits == 100)
        #expect(try await world.reconciliation().equal)
    }

    @Test("is never above what was captured")
    func tooLarge() async throws {
        try await world.capture()
        try await world.refund("r1", 60)
        let fault = await refusal { try await world.refund("r2", 41) }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.refund_exceeds_capture")
        #expect(fault?.violations.map(\.field) == ["amount"])
        #expect(provider.views.first?.refunded == 60)
    }

    @Test("is never above what was captured, however many ask at once")
    func concurrent() async throws {
        try await world.capture()
        let world = world
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 1...10 {
                group.addTask { await refusal { try await world.refund("r\(number)", 30) } == nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 3)
        #expect(provider.views.first?.refunded == 90)
        #expect(try await world.balances() == ["provider_clearing": 10, "refunds": 90, "sales": -100])
    }

    @Test("that is on its way counts, so that no second one takes its place")
    func onItsWay() async throws {
        try await world.capture()
        provider.plays(.losesAnswerAfterActing)
        _ = await refusal { try await world.refund("r1", 60) }
        #expect(await refusal { try await world.refund("r2", 60) }?.reason == "payments.refund_exceeds_capture")
        #expect(try await world.refund("r1", 60) == 60)
        #expect(provider.views.first?.refunds == ["r1"])
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r1/1"])
    }

    @Test(
        "that happened in spite of a stored failure or of an old key is found",
        arguments: [ScriptedProvider.Play.storesFailureAfterActing, .losesAnswerAfterActing]
    )
    func found(play: ScriptedProvider.Play) async throws {
        try await world.capture()
        provider.plays(play)
        _ = await refusal { try await world.refund("r1", 60) }
        world.time.advance(by: Till.keyLifetime + .seconds(1))
        provider.forgetKeys()
        #expect(try await world.refund("r1", 60) == 60)
        #expect(provider.views.first?.refunds == ["r1"])
        #expect(try await world.balances()["refunds"] == 60)
    }

    @Test("gets a new key after a stored failure that gave nothing")
    func storedFailure() async throws {
        try await world.capture()
        provider.plays(.storesFailure)
        try await world.refund("r1", 60)
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r1/2"])
        #expect(provider.views.first?.refunds == ["r1"])
    }

    @Test("is the same refund only with the same amount, and in the payment's currency")
    func mismatch() async throws {
        try await world.capture()
        try await world.refund("r1", 60)
        let other = await refusal { try await world.refund("r1", 59) }
        #expect(other?.code == .invalidArgument)
        #expect(other?.reason == "payments.refund_mismatch")
        let euros = await refusal { try await world.refund("r2", 1, currency: "EUR") }
        #expect(euros?.code == .invalidArgument)
        #expect(euros?.violations.map(\.field) == ["amount.currency"])
        let nothing = await refusal { try await world.refund("r3", 0) }
        #expect(nothing?.violations.map(\.field) == ["amount.minor_units"])
    }

    @Test(
        "and everything else leaves the books balanced and equal to the provider's",
        arguments: 0..<40 as Range<UInt64>
    )
    func books(seed: UInt64) async throws {
        let chance = SeededEntropy(seed: seed)
        let plays: [ScriptedProvider.Play] = [
            .works, .declines, .storesFailure, .storesFailureAfterActing, .losesAnswerBeforeActing,
            .losesAnswerAfterActing,
        ]
        for _ in 0..<30 {
            let id = "p\(chance.number(below: 3))"
            // A decline is an answer to an authorisation only.
            let step = chance.number(below: 4)
            let refund = "r\(chance.number(below: 4))"
            let play = plays[Int(chance.number(below: 6))]
            if play != .declines || step == 0 { provider.plays(play) }
            _ = await world.persist {
                switch step {
                case 0: try await world.authorise(id)
                case 1: try await world.capture(id)
                case 2: try await world.void(id)
                default: try await world.refund(refund, 30, of: id)
                }
            }
        }
        let balance = try await world.balance()
        #expect(balance.balanced)
        #expect(try await world.reconciliation().equal)
        #expect(provider.views.allSatisfy { $0.refunded <= $0.amount })
        #expect(provider.views.filter { $0.status == .captured }.count == Int(balance.capturedPayments))
    }
}
