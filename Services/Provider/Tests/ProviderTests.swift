import MartletCore
import MartletHost
import MartletSQL
import MartletSQLite
import MartletTesting
import ProviderContract
import Testing

@testable import Provider

@Suite("Test provider")
struct ProviderTests {
    let fixture: ProviderFixture

    init() async throws { fixture = try await ProviderFixture() }

    @Test("acts once per key and repeats the response")
    func oncePerKey() async throws {
        let first = try await fixture.create("p1", key: "k1")
        let second = try await fixture.create("p1", key: "k1")
        #expect(first == second)
        #expect(try await fixture.find("p1").map(\.providerID) == [first.providerID])
        for _ in 1...2 { try await fixture.capture(first.providerID, key: "k2") }
        for _ in 1...2 { try await fixture.refund(first.providerID, 30, reference: "r1", key: "k3") }
        let ledger = try await fixture.ledger()
        #expect([ledger.payments, ledger.captures, ledger.refunds] == [1, 1, 1])
        #expect([ledger.authorised, ledger.captured, ledger.refunded] == [0, 100, 30])
    }

    @Test("a stored status, outcome or ledger kind that cannot be read is an error")
    func unreadable() async throws {
        let id = try await fixture.create("p1", key: "k1").providerID
        for change in [
            "UPDATE payments SET status = 'lost'", "UPDATE keys SET outcome = 'maybe'",
            "UPDATE ledger SET kind = 'gift'",
        ] as [SQLQuery] {
            try await fixture.database.transaction { tx in try tx.run(change) }
        }
        let faults = [
            await refusal { try await fixture.find("p1") },
            await refusal { try await fixture.capture(id, key: "k2") },
            await refusal { try await fixture.create("p1", key: "k1") },
            await refusal { try await fixture.ledger() },
        ]
        #expect(faults.map { $0?.code } == [.internal, .internal, .internal, .internal])
    }

    @Test("totals are by currency")
    func currencies() async throws {
        let pounds = try await fixture.create("p1", 100, key: "k1").providerID
        try await fixture.capture(pounds, key: "k2")
        try await fixture.refund(pounds, 30, reference: "r1", key: "k3")
        #expect(try await fixture.ledger().captured == 100)
        _ = try await fixture.create("p2", 7_000, currency: "JPY", key: "k4")
        let ledger = try await fixture.ledger()
        #expect(ledger.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(ledger.sums.map(\.authorised) == [0, 7_000])
        #expect(ledger.sums.map(\.captured) == [100, 0])
        #expect(ledger.sums.map(\.refunded) == [30, 0])
        // Amounts of different currencies are not added.
        #expect([ledger.authorised, ledger.captured, ledger.refunded] == [0, 0, 0])
        #expect([ledger.payments, ledger.captures, ledger.refunds] == [2, 1, 1])
    }

    @Test("the same reference with another key acts again")
    func otherKey() async throws {
        let first = try await fixture.create("p1", key: "k1")
        fixture.time.advance(by: .seconds(1))
        let second = try await fixture.create("p1", key: "k2")
        #expect(try await fixture.find("p1").map(\.providerID) == [second.providerID, first.providerID])
        #expect(try await fixture.ledger().authorised == 200)
    }

    @Test("refuses a key with other parameters; the stored result stays")
    func keyReused() async throws {
        let payment = try await fixture.create("p1", key: "k1")
        let fault = await refusal { try await fixture.create("p1", 101, key: "k1") }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "provider.key_reused")
        #expect(try await fixture.create("p1", key: "k1") == payment)
        try await fixture.capture(payment.providerID, key: "k2")
        let other = await refusal { try await fixture.cancel(payment.providerID, key: "k2") }
        #expect(other?.reason == "provider.key_reused")
    }

    @Test("refuses a write without a key", arguments: [nil, ""] as [String?])
    func keyMissing(key: String?) async throws {
        let fault = await refusal { try await fixture.create("p1", key: key) }
        #expect(fault?.reason == .idempotencyKeyMissing)
        #expect(try await fixture.find("p1").isEmpty)
    }

    @Test("a refused request leaves its key unused")
    func refusedBefore() async throws {
        let method = await refusal { try await fixture.create("p1", method: "pm_card_visa", key: "k1") }
        #expect(method?.reason == "provider.unknown_method")
        #expect(method?.violations.map(\.field) == ["payment_method"])
        let payment = try await fixture.create("p1", key: "k1")
        let early = await refusal { try await fixture.refund(payment.providerID, 1, reference: "r1", key: "k2") }
        #expect(early?.reason == "provider.wrong_state")
        let unknown = await refusal { try await fixture.capture("pp_nothing", key: "k3") }
        #expect(unknown?.reason == "provider.unknown_payment")
        try await fixture.capture(payment.providerID, key: "k3")
        try await fixture.refund(payment.providerID, 1, reference: "r1", key: "k2")
        #expect(try await fixture.ledger().refunded == 1)
    }

    @Test("a decline repeats under the same key and moves no money")
    func declined() async throws {
        for _ in 1...2 {
            let fault = await refusal { try await fixture.create("p1", 102, key: "k1") }
            #expect(fault?.code == .failedPrecondition)
            #expect(fault?.reason == "provider.declined")
        }
        #expect(try await fixture.find("p1").map(\.status) == [.declined])
        #expect(try await fixture.ledger().payments == 0)
    }

    @Test("a stored failure repeats under its key; the next key works")
    func storedFailure() async throws {
        for _ in 1...3 {
            let fault = await refusal { try await fixture.create("p1", 105, key: "k1") }
            #expect(fault?.code == .internal)
            #expect(fault?.reason == "provider.stored_failure")
        }
        #expect(try await fixture.find("p1").isEmpty)
        let payment = try await fixture.create("p1", 105, key: "k2")
        #expect(payment.status == .authorised)
        #expect(await refusal { try await fixture.create("p1", 105, key: "k1") }?.reason == "provider.stored_failure")
        #expect(try await fixture.ledger().payments == 1)
    }

    @Test("response lost after acting: the same key returns the payment")
    func responseLost() async throws {
        let fault = await refusal { try await fixture.create("p1", 108, key: "k1") }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await fixture.ledger().payments == 1)
        let payment = try await fixture.create("p1", 108, key: "k1")
        #expect(try await fixture.find("p1").map(\.providerID) == [payment.providerID])
        #expect(try await fixture.ledger().payments == 1)
    }

    @Test("call lost before acting: the same key acts")
    func requestLost() async throws {
        let fault = await refusal { try await fixture.create("p1", 109, key: "k1") }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await fixture.ledger().payments == 0)
        #expect(await refusal { try await fixture.create("p1", 110, key: "k1") }?.reason == "provider.key_reused")
        #expect(try await fixture.create("p1", 109, key: "k1").status == .authorised)
        #expect(try await fixture.ledger().payments == 1)
    }

    @Test("a key is deleted after its lifetime, not before")
    func keyLifetime() async throws {
        let first = try await fixture.create("p1", key: "k1")
        fixture.time.advance(by: KeyStore.lifetime)
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        #expect(try await fixture.create("p1", key: "k1") == first)
        fixture.time.advance(by: .seconds(1))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        let second = try await fixture.create("p1", key: "k1")
        #expect(second.providerID != first.providerID)
    }

    @Test("one purge run deletes more than one batch of expired keys")
    func manyKeys() async throws {
        let many = 2 * KeyStore.purgeBatch + 1
        for number in 1...many { _ = try await fixture.create("p\(number)", key: "k\(number)") }
        fixture.time.advance(by: KeyStore.lifetime + .seconds(1))
        for job in fixture.service.jobs { try await job.run(on: fixture.database) }
        // A deleted key acts again.
        for number in [1, many] { _ = try await fixture.create("p\(number)", key: "k\(number)") }
        #expect(try await fixture.ledger().payments == UInt64(many + 2))
    }

    @Test("captures once, whatever the keys; a captured payment cannot be cancelled")
    func captureOnce() async throws {
        let id = try await fixture.create("p1", key: "k1").providerID
        #expect(try await fixture.capture(id, key: "k2").captured == 100)
        #expect(await refusal { try await fixture.capture(id, key: "k3") }?.reason == "provider.wrong_state")
        #expect(await refusal { try await fixture.cancel(id, key: "k4") }?.reason == "provider.wrong_state")
        #expect(try await fixture.ledger().captures == 1)
    }

    @Test("concurrent refunds never exceed the captured amount")
    func refunds() async throws {
        let id = try await fixture.create("p1", key: "k1").providerID
        try await fixture.capture(id, key: "k2")
        let fixture = fixture
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 1...10 {
                group.addTask {
                    let fault = await refusal {
                        try await fixture.refund(id, 30, reference: "r\(number)", key: "f\(number)")
                    }
                    return fault == nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 3)
        let payment = try #require(try await fixture.find("p1").first)
        #expect(payment.refunded == 90)
        #expect(payment.refunds.map(\.amount) == [30, 30, 30])
        #expect(Set(payment.refunds.map(\.reference)).count == 3)
        let fault = await refusal { try await fixture.refund(id, 11, reference: "r", key: "f") }
        #expect(fault?.reason == "provider.refund_too_large")
        #expect(fault?.violations.map(\.field) == ["amount"])
    }
}
