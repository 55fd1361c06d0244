import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import Testing

@testable import Payments

@Suite("Capture")
struct CaptureTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws {
        fixture = try await PaymentsFixture(provider)
        try await fixture.authorise()
    }

    @Test("captures the full amount once and posts it once")
    func once() async throws {
        for _ in 1...3 {
            let captured = try await fixture.capture()
            #expect(captured == 100)
        }
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1"])
        #expect(try await fixture.balances() == ["provider_clearing": 100, "sales": -100])
        #expect(try await fixture.payment().captured.minorUnits == 100)
        #expect(try await fixture.publishedStatuses() == [.authorised, .captured])
    }

    @Test(
        "a lost response is retried with the same key",
        arguments: [ScriptedProvider.Behaviour.losesRequest, .losesResponse]
    )
    func lost(behaviour: ScriptedProvider.Behaviour) async throws {
        provider.script(behaviour)
        #expect(await refusal { try await fixture.capture() }?.code.outcome == .unknown)
        #expect(try await fixture.balances() == [:])
        try await fixture.capture()
        #expect(provider.keys.suffix(2) == ["capture/p1/1", "capture/p1/1"])
        #expect(provider.captures == 1)
        #expect(try await fixture.balances()["sales"] == -100)
    }

    @Test("a capture that happened despite a stored failure is found, not repeated")
    func storedFailureAfterActing() async throws {
        provider.script(.storesFailureAfterActing)
        try await fixture.capture()
        #expect(provider.captures == 1)
        #expect(provider.keys.last == "capture/p1/1")
        #expect(try await fixture.balances()["sales"] == -100)
    }

    @Test("a stored failure without a capture is retried with a new key")
    func storedFailure() async throws {
        provider.script(.storesFailure)
        try await fixture.capture()
        #expect(provider.keys.suffix(2) == ["capture/p1/1", "capture/p1/2"])
        #expect(provider.captures == 1)
    }

    @Test("expired key: the payment is looked up first", arguments: [true, false])
    func expiredKey(happened: Bool) async throws {
        provider.script(happened ? .losesResponse : .losesRequest)
        _ = await refusal { try await fixture.capture() }
        fixture.time.advance(by: ProviderRequest.keyLifetime + .seconds(1))
        provider.dropKeys()
        try await fixture.capture()
        #expect(provider.captures == 1)
        #expect(provider.keys.last == (happened ? "capture/p1/1" : "capture/p1/2"))
        #expect(try await fixture.balances()["sales"] == -100)
    }

    @Test("concurrent calls capture and post once")
    func concurrent() async throws {
        let fixture = fixture
        let faults = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...10 { group.addTask { await refusal { try await fixture.capture() } == nil } }
            return await group.reduce(into: 0) { $0 += $1 ? 0 : 1 }
        }
        #expect(faults == 0)
        #expect(provider.captures == 1)
        #expect(try await fixture.balances() == ["provider_clearing": 100, "sales": -100])
    }

    @Test("an unknown payment is refused")
    func unknown() async throws {
        let fault = await refusal { try await fixture.capture("p2") }
        #expect(fault?.code == .notFound)
        #expect(fault?.reason == "payments.unknown_payment")
        #expect(fault?.violations.map(\.field) == ["payment_id"])
    }
}
