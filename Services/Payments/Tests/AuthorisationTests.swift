import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import PaymentsContract
import Testing

@testable import Payments

@Suite("Authorisation")
struct AuthorisationTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws { fixture = try await PaymentsFixture(provider) }

    @Test("repeated requests call the provider once")
    func once() async throws {
        for _ in 1...3 { try await fixture.authorise() }
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(try await fixture.payment().status == .authorised)
        #expect(try await fixture.publishedStatuses() == [.authorised])
    }

    @Test(
        "a lost response is retried with the same key",
        arguments: [ScriptedProvider.Behaviour.losesRequest, .losesResponse]
    )
    func lost(behaviour: ScriptedProvider.Behaviour) async throws {
        provider.script(behaviour)
        let fault = await refusal { try await fixture.authorise() }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await fixture.payment().status == .authorising)
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
        #expect(provider.views.map(\.status) == [.authorised])
    }

    @Test("a late response, after a second call and a void, changes nothing")
    func lateAnswer() async throws {
        let fixture = fixture
        provider.duringAuthorisation {
            try await fixture.authorise()
            try await fixture.void()
        }
        let fault = await refusal { try await fixture.authorise() }
        #expect(fault?.reason == "payments.voided")
        #expect(try await fixture.payment().status == .voided)
        #expect(try await fixture.publishedStatuses() == [.authorised, .voided])
        #expect(provider.views.map(\.status) == [.cancelled])
    }

    @Test("a new key is used only after a stored failure and a lookup that found nothing")
    func storedFailure() async throws {
        provider.script(.storesFailure)
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/2"])
        #expect(provider.lookups == 1)
        #expect(provider.views.count == 1)
    }

    @Test("an authorisation that happened despite a stored failure is found, not repeated")
    func storedFailureAfterActing() async throws {
        provider.script(.storesFailureAfterActing)
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(provider.views.count == 1)
        try await fixture.capture()
        #expect(provider.views.map(\.status) == [.captured])
    }

    @Test("needs an operator when every key is used up")
    func attemptsLimit() async throws {
        provider.script(.storesFailure, .storesFailure, .storesFailure, .storesFailure, .storesFailure, .storesFailure)
        let fault = await refusal { try await fixture.authorise() }
        #expect(fault?.reason == "payments.provider_disagrees")
        #expect(provider.keys == (1...Payment.attemptsLimit).map { "authorise/p1/\($0)" })
        #expect(await refusal { try await fixture.authorise() }?.reason == "payments.provider_disagrees")
        #expect(provider.keys.count == Payment.attemptsLimit)
    }

    @Test("a stored status that cannot be read is an error, and the provider is not called")
    func unreadable() async throws {
        try await fixture.authorise()
        try await fixture.database.transaction { tx in try tx.run("UPDATE payments SET status = 'settled'") }
        let faults = [
            await refusal { try await fixture.authorise() }, await refusal { try await fixture.void() },
            await refusal { try await fixture.payment() }, await refusal { try await fixture.balance() },
        ]
        #expect(faults.map { $0?.code } == [.internal, .internal, .internal, .internal])
        #expect(provider.keys == ["authorise/p1/1"])
    }

    @Test("a decline is final and is not retried")
    func declined() async throws {
        provider.script(.declines)
        for _ in 1...2 {
            let fault = await refusal { try await fixture.authorise() }
            #expect(fault?.code == .failedPrecondition)
            #expect(fault?.reason == "payments.declined")
        }
        #expect(provider.keys.count == 1)
        #expect(try await fixture.publishedStatuses() == [.declined])
        #expect(await refusal { try await fixture.capture() }?.reason == "payments.not_authorised")
    }

    @Test("expired key: the payment is looked up first, and found when it happened")
    func expiredKeyFound() async throws {
        provider.script(.losesResponse)
        _ = await refusal { try await fixture.authorise() }
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        provider.dropKeys()
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(provider.views.count == 1)
    }

    @Test("expired key: replaced when the lookup finds nothing")
    func expiredKeyNotFound() async throws {
        provider.script(.losesRequest)
        _ = await refusal { try await fixture.authorise() }
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        provider.dropKeys()
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/2"])
        #expect(provider.views.count == 1)
    }

    @Test("key at its lifetime limit: retried with the same key")
    func keyAtLifetime() async throws {
        provider.script(.losesResponse)
        _ = await refusal { try await fixture.authorise() }
        fixture.time.advance(by: ProviderRequest.keyLifetime)
        try await fixture.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
        #expect(provider.lookups == 0)
    }

    @Test("a repeated id with other contents is refused")
    func mismatch() async throws {
        try await fixture.authorise()
        let others = [
            await refusal { try await fixture.authorise("p1", 101) },
            await refusal { try await fixture.authorise("p1", currency: "EUR") },
            await refusal { try await fixture.authorise("p1", method: "pm_test_ok") },
        ]
        for fault in others {
            #expect(fault?.code == .invalidArgument)
            #expect(fault?.reason == "payments.payment_mismatch")
        }
        #expect(provider.keys.count == 1)
    }

    @Test("an amount below one minor unit is refused", arguments: [0, -1] as [Int64])
    func amount(amount: Int64) async throws {
        let fault = await refusal { try await fixture.authorise("p1", amount) }
        #expect(fault?.violations.map(\.field) == ["amount.minor_units"])
        #expect(provider.keys.isEmpty)
    }
}
