import MartletCore
import PaymentsContract
import Testing

@testable import Payments

@Suite("Write transactions of a step")
struct PaymentProcessorTests {
    let provider = ScriptedProvider()
    let fixture: PaymentsFixture

    init() async throws { fixture = try await PaymentsFixture(provider) }

    @Test("a step writes its key and its result; its repeat writes nothing")
    func repeats() async throws {
        let fixture = fixture
        let steps: [@Sendable () async throws -> Void] = [
            { try await fixture.authorise() }, { try await fixture.capture() }, { try await fixture.refund("r1", 40) },
        ]
        for step in steps {
            #expect(try await fixture.writes(step) == 2)
            #expect(try await fixture.writes(step) == 0)
        }
        #expect(try await fixture.payment().status == .captured)
        #expect(provider.keys == ["authorise/p1/1", "capture/p1/1", "refund/p1/r1/1"])
    }

    @Test("a refused step writes nothing")
    func refused() async throws {
        try await fixture.authorise()
        try await fixture.capture()
        let writes = await fixture.writes {
            #expect(await refusal { try await fixture.void() }?.reason == "payments.already_captured")
            #expect(await refusal { try await fixture.authorise("p1", 101) }?.reason == "payments.payment_mismatch")
        }
        #expect(writes == 0)
    }

    @Test("while the authorisation's outcome is unknown, a repeat and a void write nothing before the response")
    func unknownOutcome() async throws {
        provider.script(.losesRequest, .losesRequest, .losesResponse)
        let writes = [
            await fixture.writes { _ = await refusal { try await fixture.authorise() } },
            await fixture.writes { _ = await refusal { try await fixture.authorise() } },
            await fixture.writes { _ = await refusal { try await fixture.void() } },
        ]
        #expect(writes == [1, 0, 0])
        #expect(try await fixture.payment().status == .authorising)
        // The authorisation's result with the void's key, and the void's result.
        let first = try await fixture.writes { try await fixture.void() }
        let second = try await fixture.writes { try await fixture.void() }
        #expect([first, second] == [2, 0])
        #expect(try await fixture.publishedStatuses() == [.authorised, .voided])
    }

    @Test("a late result writes nothing")
    func lateResult() async throws {
        let fixture = fixture
        provider.duringAuthorisation {
            try await fixture.authorise()
            try await fixture.void()
        }
        // The key; the second call's result; the void's key and result.
        let writes = await fixture.writes { _ = await refusal { try await fixture.authorise() } }
        #expect(writes == 4)
        #expect(try await fixture.payment().status == .voided)
    }
}
