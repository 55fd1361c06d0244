import MartletCore
import MartletTesting
import PaymentsContract
import SharedContract
import Testing

@testable import Payments

@Suite("A capture")
struct CaptureTests {
    let provider = ScriptedProvider()
    let world: PaymentsWorld

    init() async throws {
        world = try await PaymentsWorld(provider)
        try await world.authorise()
    }

    @Test("takes the whole amount once, and books it once")
    func once() async throws {
        for _ in 1...3 {
            let captured = try await world.capture()
            #expect(captured == 100)
        }
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1"])
        #expect(try await world.balances() == ["provider_clearing": 100, "sales": -100])
        #expect(try await world.payment().captured.minorUnits == 100)
        #expect(try await world.told() == [.authorised, .captured])
    }

    @Test(
        "is asked for again with the same key when its answer got lost",
        arguments: [ScriptedProvider.Play.losesAnswerBeforeActing, .losesAnswerAfterActing]
    )
    func lost(play: ScriptedProvider.Play) async throws {
        provider.plays(play)
        #expect(await refusal { try await world.capture() }?.code.outcome == .unknown)
        #expect(try await world.balances() == [:])
        try await world.capture()
        #expect(provider.keys.suffix(2) == ["capture/p1/1", "capture/p1/1"])
        #expect(provider.captures == 1)
        #expect(try await world.balances()["sales"] == -100)
    }

    @Test("that happened in spite of a stored failure is found, not repeated")
    func storedFailureAfterActing() async throws {
        provider.plays(.storesFailureAfterActing)
        try await world.capture()
        #expect(provider.captures == 1)
        #expect(provider.keys.last == "capture/p1/1")
        #expect(try await world.balances()["sales"] == -100)
    }

    @Test("gets a new key after a stored failure that took nothing")
    func storedFailure() async throws {
        provider.plays(.storesFailure)
        try await world.capture()
        #expect(provider.keys.suffix(2) == ["capture/p1/1", "capture/p1/2"])
        #expect(provider.captures == 1)
    }

    @Test("with an old key is looked up first", arguments: [true, false])
    func oldKey(happened: Bool) async throws {
        provider.plays(happened ? .losesAnswerAfterActing : .losesAnswerBeforeActing)
        _ = await refusal { try await world.capture() }
        world.time.advance(by: Till.keyLifetime + .seconds(1))
        provider.forgetKeys()
        try await world.capture()
        #expect(provider.captures == 1)
        #expect(provider.keys.last == (happened ? "capture/p1/1" : "capture/p1/2"))
        #expect(try await world.balances()["sales"] == -100)
    }

    @Test("books once, however many ask at once")
    func concurrent() async throws {
        let world = world
        let faults = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...10 { group.addTask { await refusal { try await world.capture() } == nil } }
            return await group.reduce(into: 0) { $0 += $1 ? 0 : 1 }
        }
        #expect(faults == 0)
        #expect(provider.captures == 1)
        #expect(try await world.balances() == ["provider_clearing": 100, "sales": -100])
    }

    @Test("needs an authorised payment")
    func unknown() async throws {
        let fault = await refusal { try await world.capture("p2") }
        #expect(fault?.code == .notFound)
        #expect(fault?.reason == "payments.unknown_payment")
        #expect(fault?.violations.map(\.field) == ["payment_id"])
    }
}
