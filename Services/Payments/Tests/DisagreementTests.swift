import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Payments

@Suite("A provider that disagrees")
struct DisagreementTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws { fixture = try await PaymentsFixture(provider) }

    /// What a provider did instead of what it was asked for.
    struct Deviation: Sendable, CustomTestStringConvertible {
        let difference: String
        let change: @Sendable (ProviderView) -> ProviderView

        var testDescription: String { difference }

        init(_ difference: String, _ change: @escaping @Sendable (ProviderView) -> ProviderView) {
            self.difference = difference
            self.change = change
        }
    }

    @Test(
        "an authorisation of something else is not believed",
        arguments: [
            Deviation("amount 99 instead of 100") { $0.with(amount: 99) },
            Deviation("currency EUR instead of GBP") { $0.with(currency: "EUR") },
            Deviation("cancelled instead of authorised") { $0.with(.cancelled) },
            Deviation("captured instead of authorised") { $0.with(.captured) },
        ]
    )
    func authorisation(deviation: Deviation) async throws {
        provider.script(.acts(then: deviation.change))
        for _ in 1...2 {
            let fault = await refusal { try await fixture.authorise() }
            #expect(fault?.reason == "payments.provider_disagrees")
            #expect(fault?.code.outcome == .unknown)
        }
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.provider_disagrees")
        #expect(await refusal { try await fixture.void() }?.reason == "payments.provider_disagrees")
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(try await fixture.payment().status == .providerDisagrees)
        #expect(try await fixture.publishedStatuses() == [])
        let listed = try await fixture.disagreements()
        #expect(listed.map(\.paymentID) == ["p1"])
        #expect(listed.map(\.status) == [.authorising])
        #expect(listed.map(\.providerID) == ["pp1"])
        #expect(listed.map(\.difference) == [deviation.difference])
        #expect(try await fixture.database.read { tx in try PaymentStore().countDisagreements(in: tx) } == 1)
    }

    @Test(
        "a capture of something else is not booked",
        arguments: [
            Deviation("captured 99 of 100") { $0.with(captured: 99) },
            Deviation("authorised instead of captured, captured 0 of 100") { $0.with(.authorised) },
            Deviation("cancelled instead of captured, captured 0 of 100") { $0.with(.cancelled) },
            Deviation("currency EUR instead of GBP") { $0.with(currency: "EUR") },
        ]
    )
    func capture(deviation: Deviation) async throws {
        try await fixture.authorise()
        provider.script(.acts(then: deviation.change))
        for _ in 1...2 {
            #expect(await refusal { try await fixture.capture() }?.reason == "payments.provider_disagrees")
        }
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1"])
        #expect(try await fixture.balances() == [:])
        #expect(try await fixture.payment().captured.minorUnits == 0)
        #expect(try await fixture.publishedStatuses() == [.authorised])
        #expect(try await fixture.disagreements().map(\.difference) == [deviation.difference])
    }

    @Test("a refund of another amount is not booked, and blocks the payment's other refunds until it is corrected")
    func refund() async throws {
        try await fixture.authorise()
        try await fixture.capture()
        provider.script(.acts { $0.with(refunds: [ProviderView.Refund(id: "r1", amount: 39)]) })
        for refund in ["r1", "r2"] {
            #expect(await refusal { try await fixture.refund(refund, 40) }?.reason == "payments.provider_disagrees")
        }
        #expect(try await fixture.balances() == ["provider_clearing": 100, "sales": -100])
        #expect(try await fixture.disagreements().map(\.refundID) == ["r1"])

        provider.correct { $0.with(refunds: [ProviderView.Refund(id: "r1", amount: 40)]) }
        #expect(try await fixture.check() == "")
        #expect(try await fixture.refund("r1", 40) == 40)
        #expect(try await fixture.refund("r2", 40) == 80)
        #expect(provider.keys.suffix(2) == ["refund/p1/r1/1", "refund/p1/r2/1"])
        #expect(try await fixture.balances() == ["provider_clearing": 20, "sales": -100, "refunds": 80])
    }

    @Test("a check without a change at the provider leaves the payment as it is")
    func unchanged() async throws {
        provider.script(.acts { $0.with(amount: 99) })
        _ = await refusal { try await fixture.authorise() }
        let before = try await fixture.disagreements()
        #expect(try await fixture.check() == "amount 99 instead of 100")
        #expect(try await fixture.disagreements() == before)
        provider.correct { $0.with(amount: 98) }
        #expect(try await fixture.check() == "amount 98 instead of 100")
        #expect(try await fixture.payment().status == .providerDisagrees)
    }

    @Test("an authorisation that is corrected at the provider is taken")
    func corrected() async throws {
        provider.script(.acts { $0.with(amount: 99) })
        _ = await refusal { try await fixture.authorise() }
        provider.correct { $0.with(amount: 100) }
        #expect(try await fixture.check() == "")
        #expect(try await fixture.payment().status == .authorised)
        #expect(try await fixture.publishedStatuses() == [.authorised])
        try await fixture.authorise()
        try await fixture.capture()
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1"])
        #expect(try await fixture.balances() == ["provider_clearing": 100, "sales": -100])
    }

    @Test("an authorisation that is cancelled at the provider is made again with a new key")
    func cancelled() async throws {
        provider.script(.acts { $0.with(currency: "EUR") }, .storesFailure)
        _ = await refusal { try await fixture.authorise() }
        provider.correct { $0.with(.cancelled) }
        #expect(try await fixture.check() == "")
        #expect(try await fixture.payment().status == .authorising)
        // The look-up after the stored failure does not take the cancelled payment for the new one.
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/2", "authorise/p1/3"])
        #expect(provider.views.map(\.status) == [.cancelled, .authorised])
        try await fixture.capture()
        #expect(try await fixture.reconciliation().ourCaptured == 100)
    }

    @Test("a capture that did not happen is made again with a new key, and booked once")
    func notCaptured() async throws {
        try await fixture.authorise()
        provider.script(.acts { $0.with(.authorised) })
        _ = await refusal { try await fixture.capture() }
        #expect(try await fixture.check() == "")
        #expect(try await fixture.capture() == 100)
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1", "capture/p1/2"])
        #expect(try await fixture.balances() == ["provider_clearing": 100, "sales": -100])
    }

    @Test(
        "a payment whose authorisation was cancelled before its capture is voided by a check, unless money was captured"
    )
    func expired() async throws {
        try await fixture.authorise()
        provider.correct { $0.with(.cancelled, captured: 40) }
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.provider_disagrees")
        #expect(try await fixture.check() == "cancelled instead of captured, captured 40 of 100")

        provider.correct { $0.with(.cancelled) }
        #expect(try await fixture.check() == "")
        #expect(try await fixture.payment().status == .voided)
        try await fixture.void()
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.not_authorised")
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1"])
        #expect(try await fixture.balances() == [:])
        #expect(try await fixture.publishedStatuses() == [.authorised, .voided])
    }

    @Test("a check of another payment does nothing, and an unknown one is refused")
    func others() async throws {
        try await fixture.authorise()
        let writes = try await fixture.writes { _ = try await fixture.check() }
        #expect(writes == 0)
        #expect(provider.lookups == 0)
        #expect(await refusal { try await fixture.check("p2") }?.reason == "payments.unknown_payment")
    }

    @Test("auditors see the state")
    func audit() async throws {
        provider.script(.acts { $0.with(amount: 99) })
        _ = await refusal { try await fixture.authorise() }
        let rows = try await fixture.database.read { tx in
            try tx.run("SELECT payment_id, status FROM audit_payments")
                + tx.run("SELECT payment_id, difference FROM audit_payment_disagreements")
        }
        #expect(
            rows == [
                SQLRow([.text("p1"), .text("provider_disagrees")]),
                SQLRow([.text("p1"), .text("amount 99 instead of 100")]),
            ]
        )
    }

    @Test("only a caller with the scope for it has a payment checked")
    func scope() async throws {
        let reader = CallContext(principal: Principal(user: "rita", scopes: ["payments:read"]))
        let fault = await refusal {
            try await fixture.client.checkPayment(.with { $0.paymentID = "p1" }, context: reader)
        }
        #expect(fault?.code == .permissionDenied)
    }
}
