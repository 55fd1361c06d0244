import MartletCore
import MartletTesting
import PaymentsContract
import Testing

@testable import Payments

@Suite("A void")
struct VoidTests {
    let provider = ScriptedProvider()
    let world: PaymentsWorld

    init() async throws { world = try await PaymentsWorld(provider) }

    @Test("before its authorisation keeps it from happening")
    func before() async throws {
        for _ in 1...2 { try await world.void() }
        let fault = await refusal { try await world.authorise() }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.voided")
        #expect(provider.keys.isEmpty)
        #expect(try await world.told() == [.voided])
    }

    @Test("gives up what was set aside, once")
    func after() async throws {
        try await world.authorise()
        for _ in 1...2 { try await world.void() }
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
        #expect(await refusal { try await world.capture() }?.reason == "payments.not_authorised")
        #expect(await refusal { try await world.authorise() }?.reason == "payments.voided")
        #expect(try await world.told() == [.authorised, .voided])
        #expect(try await world.balance().voidedPayments == 1)
    }

    @Test(
        "of an unknown authorisation asks with its key first, and leaves nothing set aside",
        arguments: [ScriptedProvider.Play.losesAnswerBeforeActing, .losesAnswerAfterActing, .storesFailureAfterActing]
    )
    func ofUnknown(play: ScriptedProvider.Play) async throws {
        provider.plays(play)
        _ = await refusal { try await world.authorise() }
        try await world.void()
        #expect(Set(provider.keys) == ["authorise/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
        #expect(try await world.payment().status == .voided)
    }

    @Test("of an unknown authorisation that was declined has nothing to do")
    func ofUnknownDeclined() async throws {
        provider.plays(.losesAnswerBeforeActing, .declines)
        _ = await refusal { try await world.authorise() }
        try await world.void()
        try await world.void()
        #expect(try await world.payment().status == .declined)
        #expect(provider.keys == ["authorise/p1/1", "authorise/p1/1"])
    }

    @Test(
        "whose answer got lost is asked again with the same key",
        arguments: [ScriptedProvider.Play.losesAnswerBeforeActing, .losesAnswerAfterActing]
    )
    func lost(play: ScriptedProvider.Play) async throws {
        try await world.authorise()
        provider.plays(play)
        #expect(await refusal { try await world.void() }?.code.outcome == .unknown)
        #expect(await refusal { try await world.capture() }?.reason == "payments.not_authorised")
        try await world.void()
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1", "void/p1/1"])
        #expect(provider.views.map(\.status) == [.cancelled])
    }

    @Test(
        "that happened in spite of a stored failure or of an old key is found",
        arguments: [ScriptedProvider.Play.storesFailureAfterActing, .losesAnswerAfterActing]
    )
    func found(play: ScriptedProvider.Play) async throws {
        try await world.authorise()
        provider.plays(play)
        _ = await refusal { try await world.void() }
        world.time.advance(by: Till.keyLifetime + .seconds(1))
        provider.forgetKeys()
        try await world.void()
        #expect(provider.keys == ["authorise/p1/1", "void/p1/1"])
        #expect(try await world.payment().status == .voided)
    }

    @Test("comes too late for what was captured")
    func captured() async throws {
        try await world.authorise()
        try await world.capture()
        let fault = await refusal { try await world.void() }
        #expect(fault?.code == .failedPrecondition)
        #expect(fault?.reason == "payments.already_captured")
        #expect(provider.views.map(\.status) == [.captured])
    }

    @Test("leaves no money in the books")
    func books() async throws {
        try await world.authorise()
        try await world.void()
        #expect(try await world.balances() == [:])
        #expect(try await world.reconciliation().equal)
        #expect(try await world.reconciliation().providerAuthorised == 0)
    }
}
