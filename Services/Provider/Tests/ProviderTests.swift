import MartletCore
import MartletHost
import MartletTesting
import ProviderContract
import Testing

@testable import Provider

@Suite("The test provider, with its real tables")
struct ProviderTests {
    let world: ProviderWorld

    init() async throws { world = try await ProviderWorld() }

    @Test("acts once per key and answers the same again")
    func oncePerKey() async throws {
        let first = try await world.create("p1", key: "k1")
        let second = try await world.create("p1", key: "k1")
        #expect(first == second)
        #expect(try await world.find("p1").map(\.providerID) == [first.providerID])
        for _ in 1...2 { try await world.capture(first.providerID, key: "k2") }
        for _ in 1...2 { try await world.refund(first.providerID, 30, reference: "r1", key: "k3") }
        let ledger = try await world.ledger()
        #expect([ledger.payments, ledger.captures, ledger.refunds] == [1, 1, 1])
        #expect([ledger.authorised, ledger.captured, ledger.refunded] == [0, 100, 30])
    }

    @Test("adds each currency up by itself")
    func currencies() async throws {
        let pounds = try await world.create("p1", 100, key: "k1").providerID
        try await world.capture(pounds, key: "k2")
        try await world.refund(pounds, 30, reference: "r1", key: "k3")
        #expect(try await world.ledger().captured == 100)
        _ = try await world.create("p2", 7_000, currency: "JPY", key: "k4")
        let ledger = try await world.ledger()
        #expect(ledger.sums.map(\.currency) == ["GBP", "JPY"])
        #expect(ledger.sums.map(\.authorised) == [0, 7_000])
        #expect(ledger.sums.map(\.captured) == [100, 0])
        #expect(ledger.sums.map(\.refunded) == [30, 0])
        // No number stands for pounds and yen together.
        #expect([ledger.authorised, ledger.captured, ledger.refunded] == [0, 0, 0])
        #expect([ledger.payments, ledger.captures, ledger.refunds] == [2, 1, 1])
    }

    @Test("acts again under another key, as nobody told it that it is the same")
    func otherKey() async throws {
        let first = try await world.create("p1", key: "k1")
        world.time.advance(by: .seconds(1))
        let second = try await world.create("p1", key: "k2")
        #expect(try await world.find("p1").map(\.providerID) == [second.providerID, first.providerID])
        #expect(try await world.ledger().authorised == 200)
    }

    @Test("refuses a key with other parameters, and keeps what it did")
    func keyReused() async throws {
        let payment = try await world.create("p1", key: "k1")
        let fault = await refusal { try await world.create("p1", 101, key: "k1") }
        #expect(fault?.code == .invalidArgument)
        #expect(fault?.reason == "provider.key_reused")
        #expect(try await world.create("p1", key: "k1") == payment)
        try await world.capture(payment.providerID, key: "k2")
        let other = await refusal { try await world.cancel(payment.providerID, key: "k2") }
        #expect(other?.reason == "provider.key_reused")
    }

    @Test("refuses a write without a key", arguments: [nil, ""] as [String?])
    func keyMissing(key: String?) async throws {
        let fault = await refusal { try await world.create("p1", key: key) }
        #expect(fault?.reason == .idempotencyKeyMissing)
        #expect(try await world.find("p1").isEmpty)
    }

    @Test("stores nothing for what it refuses before it begins")
    func refusedBefore() async throws {
        let method = await refusal { try await world.create("p1", method: "pm_card_visa", key: "k1") }
        #expect(method?.reason == "provider.unknown_method")
        #expect(method?.violations.map(\.field) == ["payment_method"])
        let payment = try await world.create("p1", key: "k1")
        let early = await refusal { try await world.refund(payment.providerID, 1, reference: "r1", key: "k2") }
        #expect(early?.reason == "provider.wrong_state")
        let unknown = await refusal { try await world.capture("pp_nothing", key: "k3") }
        #expect(unknown?.reason == "provider.unknown_payment")
        try await world.capture(payment.providerID, key: "k3")
        try await world.refund(payment.providerID, 1, reference: "r1", key: "k2")
        #expect(try await world.ledger().refunded == 1)
    }

    @Test("declines again and again under the same key, and takes nothing")
    func declined() async throws {
        for _ in 1...2 {
            let fault = await refusal { try await world.create("p1", 102, key: "k1") }
            #expect(fault?.code == .failedPrecondition)
            #expect(fault?.reason == "provider.declined")
        }
        #expect(try await world.find("p1").map(\.status) == [.declined])
        #expect(try await world.ledger().payments == 0)
    }

    @Test("repeats a stored failure under its key, and works under the next")
    func storedFailure() async throws {
        for _ in 1...3 {
            let fault = await refusal { try await world.create("p1", 105, key: "k1") }
            #expect(fault?.code == .internal)
            #expect(fault?.reason == "provider.stored_failure")
        }
        #expect(try await world.find("p1").isEmpty)
        let payment = try await world.create("p1", 105, key: "k2")
        #expect(payment.status == .authorised)
        #expect(await refusal { try await world.create("p1", 105, key: "k1") }?.reason == "provider.stored_failure")
        #expect(try await world.ledger().payments == 1)
    }

    @Test("loses its first answer after acting, and the same key finds it")
    func lostAfter() async throws {
        let fault = await refusal { try await world.create("p1", 108, key: "k1") }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await world.ledger().payments == 1)
        let payment = try await world.create("p1", 108, key: "k1")
        #expect(try await world.find("p1").map(\.providerID) == [payment.providerID])
        #expect(try await world.ledger().payments == 1)
    }

    @Test("loses its first answer before acting, and acts under the same key")
    func lostBefore() async throws {
        let fault = await refusal { try await world.create("p1", 109, key: "k1") }
        #expect(fault?.code.outcome == .unknown)
        #expect(try await world.ledger().payments == 0)
        #expect(await refusal { try await world.create("p1", 110, key: "k1") }?.reason == "provider.key_reused")
        #expect(try await world.create("p1", 109, key: "k1").status == .authorised)
        #expect(try await world.ledger().payments == 1)
    }

    @Test("forgets a key after its day, and not before")
    func keyLifetime() async throws {
        let first = try await world.create("p1", key: "k1")
        world.time.advance(by: KeyStore.lifetime)
        for job in world.service.jobs { try await job.run() }
        #expect(try await world.create("p1", key: "k1") == first)
        world.time.advance(by: .seconds(1))
        for job in world.service.jobs { try await job.run() }
        let second = try await world.create("p1", key: "k1")
        #expect(second.providerID != first.providerID)
    }

    @Test("forgets old keys in one run however many there are")
    func manyKeys() async throws {
        let many = 2 * KeyStore.purgeBatch + 1
        for number in 1...many { _ = try await world.create("p\(number)", key: "k\(number)") }
        world.time.advance(by: KeyStore.lifetime + .seconds(1))
        for job in world.service.jobs { try await job.run() }
        // A key that is forgotten acts again.
        for number in [1, many] { _ = try await world.create("p\(number)", key: "k\(number)") }
        #expect(try await world.ledger().payments == UInt64(many + 2))
    }

    @Test("captures once, whatever the keys, and cancels nothing captured")
    func captureOnce() async throws {
        let id = try await world.create("p1", key: "k1").providerID
        #expect(try await world.capture(id, key: "k2").captured == 100)
        #expect(await refusal { try await world.capture(id, key: "k3") }?.reason == "provider.wrong_state")
        #expect(await refusal { try await world.cancel(id, key: "k4") }?.reason == "provider.wrong_state")
        #expect(try await world.ledger().captures == 1)
    }

    @Test("never refunds more than was captured, however many ask at once")
    func refunds() async throws {
        let id = try await world.create("p1", key: "k1").providerID
        try await world.capture(id, key: "k2")
        let world = world
        let done = await withTaskGroup(of: Bool.self) { group in
            for number in 1...10 {
                group.addTask {
                    await refusal { try await world.refund(id, 30, reference: "r\(number)", key: "f\(number)") } == nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(done == 3)
        let payment = try #require(try await world.find("p1").first)
        #expect(payment.refunded == 90)
        #expect(payment.refunds.map(\.amount) == [30, 30, 30])
        #expect(Set(payment.refunds.map(\.reference)).count == 3)
        let fault = await refusal { try await world.refund(id, 11, reference: "r", key: "f") }
        #expect(fault?.reason == "provider.refund_too_large")
        #expect(fault?.violations.map(\.field) == ["amount"])
    }
}
