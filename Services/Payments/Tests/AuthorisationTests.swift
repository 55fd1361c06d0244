import MartletCore
import MartletTesting
import PaymentsContract
import Testing

@testable import Payments

@Suite("An authorisation")
struct AuthorisationTests {
    let provider = ScriptedProvider()
    let world: PaymentsWorld

    init() async throws { world = try await PaymentsWorld(provider) }

    @Test("is asked for once, however often it is wanted")
    func once() async throws {
        for _ in 1...3 { try await world.authorise() }
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(try await world.payment().status == .authorised)
        #expect(try await world.told() == [.authorised])
    }

    @Test(
        "is asked for again with the same key when its answer got lost",
        arguments: [ScriptedProvider.Play.losesAnswerBeforeActing, .losesAnswerAfterActing]
    )
    func lost(play: ScriptedProvider.Play) async throws {
        provider.plays(play)
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await world.payment().status == .authorising)
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
        #expect(provider.views.map(\.status) == [.authorised])
    }

    @Test("whose answer comes late, after a second call and a void, changes nothing any more")
    func lateAnswer() async throws {
        let world = world
        provider.meanwhile {
            try await world.authorise()
            try await world.void()
        }
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.reason == "payments.voided")
        #expect(try await world.payment().status == .voided)
        #expect(try await world.told() == [.authorised, .voided])
        #expect(provider.views.map(\.status) == [.cancelled])
    }

    @Test("gets a new key only after a stored failure and a look-up that found nothing")
    func storedFailure() async throws {
        provider.plays(.storesFailure)
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/2"])
        #expect(provider.lookUps == 1)
        #expect(provider.views.count == 1)
    }

    @Test("that happened in spite of a stored failure is found, not repeated")
    func storedFailureAfterActing() async throws {
        provider.plays(.storesFailureAfterActing)
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(provider.views.count == 1)
        try await world.capture()
        #expect(provider.views.map(\.status) == [.captured])
    }

    @Test("stops for a person when every key is used up")
    func attemptsLimit() async throws {
        provider.plays(.storesFailure, .storesFailure, .storesFailure, .storesFailure, .storesFailure, .storesFailure)
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.reason == "payments.provider_disagrees")
        #expect(provider.keys == (1...Till.attemptsLimit).map { "authorise/p1/\($0)" })
        #expect(await refusal { try await world.authorise() }?.reason == "payments.provider_disagrees")
        #expect(provider.keys.count == Till.attemptsLimit)
    }

    @Test("that was declined stays so, and is not asked again")
    func declined() async throws {
        provider.plays(.declines)
        for _ in 1...2 {
            let fault = await refusal { try await world.authorise() }
            #expect(fault?.code == .failedPrecondition)
            #expect(fault?.reason == "payments.declined")
        }
        #expect(provider.keys.count == 1)
        #expect(try await world.told() == [.declined])
        #expect(await refusal { try await world.capture() }?.reason == "payments.not_authorised")
    }

    @Test("with an old key is looked up first, and found when it happened")
    func oldKeyFound() async throws {
        provider.plays(.losesAnswerAfterActing)
        _ = await refusal { try await world.authorise() }
        world.time.advance(by: Till.keyLifetime + .seconds(1))
        provider.forgetKeys()
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1"])
        #expect(provider.views.count == 1)
    }

    @Test("with an old key gets a new one when it did not happen")
    func oldKeyNotFound() async throws {
        provider.plays(.losesAnswerBeforeActing)
        _ = await refusal { try await world.authorise() }
        world.time.advance(by: Till.keyLifetime + .seconds(1))
        provider.forgetKeys()
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/2"])
        #expect(provider.views.count == 1)
    }

    @Test("with a key that is just young enough is asked again with it")
    func youngKey() async throws {
        provider.plays(.losesAnswerAfterActing)
        _ = await refusal { try await world.authorise() }
        world.time.advance(by: Till.keyLifetime)
        try await world.authorise()
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
        #expect(provider.lookUps == 0)
    }

    @Test("is the same payment only with the same contents")
    func mismatch() async throws {
        try await world.authorise()
        let others = [
            await refusal { try await world.authorise("p1", 101) },
            await refusal { try await world.authorise("p1", currency: "EUR") },
            await refusal { try await world.authorise("p1", method: "pm_test_ok") },
        ]
        for fault in others {
            #expect(fault?.code == .invalidArgument)
            #expect(fault?.reason == "payments.payment_mismatch")
        }
        #expect(provider.keys.count == 1)
    }

    @Test("is of at least one minor unit", arguments: [0, -1] as [Int64])
    func amount(amount: Int64) async throws {
        let fault = await refusal { try await world.authorise("p1", amount) }
        #expect(fault?.violations.map(\.field) == ["amount.minor_units"])
        #expect(provider.keys.isEmpty)
    }
}
