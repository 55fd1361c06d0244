import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSQLite
import MartletTesting
import PaymentsContract
import SharedContract
import Testing

@testable import Payments

@Suite("Void")
struct VoidTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws { fixture = try await PaymentsFixture(provider) }

    @Test("a void before the authorisation prevents it")
    func before() async throws {
        for _ in 1...2 { try await fixture.void() }
        let fault = await refusal { try await fixture.authorise() }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.voided")
        #expect(provider.keys.isEmpty)
        #expect(try await fixture.publishedStatuses() == [.voided])
    }

    @Test("a void before the authorisation is stored and published without terms: no order, no currency, amount 0")
    func withoutTerms() async throws {
        try await fixture.void()
        let rows = try await fixture.database.read { tx in
            try tx.run("SELECT order_id, currency, amount, method, status, provider_id FROM payments WHERE id = 'p1'")
        }
        #expect(
            rows == [SQLRow([.text(""), .text(""), .integer(0), .text(""), .text("voided"), .null(nil)])]
        )
        let messages = try await fixture.database.read { tx in try Outbox.unsent(limit: 10, in: tx) }
        let event = try #require(try messages.map { try PaymentsTopics.payments.decode($0.body) }.first)
        #expect(event.orderID.isEmpty)
        #expect(event.hasAmount && event.hasRefunded)
        #expect(event.amount == Money(0, currency: ""))
        let payment = try await fixture.payment()
        #expect(payment.orderID.isEmpty)
        #expect(payment.amount == Money(0, currency: ""))
    }

    @Test("an authorisation is voided once")
    func after() async throws {
        try await fixture.authorise()
        for _ in 1...2 { try await fixture.void() }
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.not_authorised")
        #expect(await refusal { try await fixture.authorise() }?.reason == "payments.voided")
        #expect(try await fixture.publishedStatuses() == [.authorised, .voided])
        #expect(try await fixture.balance().voidedPayments == 1)
    }

    @Test(
        "an unknown authorisation is retried with its key, then voided",
        arguments: [ScriptedProvider.Behaviour.losesRequest, .losesResponse, .storesFailureAfterActing]
    )
    func unknownAuthorisation(behaviour: ScriptedProvider.Behaviour) async throws {
        provider.script(behaviour)
        _ = await refusal { try await fixture.authorise() }
        try await fixture.void()
        #expect(Set(provider.keys) == ["authorise/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
        #expect(try await fixture.payment().status == .voided)
    }

    @Test("an unknown authorisation that turns out declined needs no void")
    func unknownAndDeclined() async throws {
        provider.script(.losesRequest, .declines)
        _ = await refusal { try await fixture.authorise() }
        try await fixture.void()
        try await fixture.void()
        #expect(try await fixture.payment().status == .declined)
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
    }

    @Test(
        "a lost response is retried with the same key",
        arguments: [ScriptedProvider.Behaviour.losesRequest, .losesResponse]
    )
    func lost(behaviour: ScriptedProvider.Behaviour) async throws {
        try await fixture.authorise()
        provider.script(behaviour)
        #expect(await refusal { try await fixture.void() }?.code.outcome == .unknown)
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.not_authorised")
        try await fixture.void()
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
    }

    @Test(
        "a void that happened despite a stored failure or an expired key is found",
        arguments: [ScriptedProvider.Behaviour.storesFailureAfterActing, .losesResponse]
    )
    func found(behaviour: ScriptedProvider.Behaviour) async throws {
        try await fixture.authorise()
        provider.script(behaviour)
        _ = await refusal { try await fixture.void() }
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        provider.dropKeys()
        try await fixture.void()
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1"])
        #expect(try await fixture.payment().status == .voided)
    }

    @Test("a captured payment cannot be voided")
    func captured() async throws {
        try await fixture.authorise()
        try await fixture.capture()
        let fault = await refusal { try await fixture.void() }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.already_captured")
        #expect(provider.views.map(\.status) == [.captured])
    }

    @Test("a voided payment leaves no ledger entries")
    func ledger() async throws {
        try await fixture.authorise()
        try await fixture.void()
        #expect(try await fixture.balances() == [:])
        #expect(try await fixture.reconciliation().equal)
        #expect(try await fixture.reconciliation().providerAuthorised == 0)
    }
}
