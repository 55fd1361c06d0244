import MartletContract
import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("Idempotency keys")
struct IdempotencyTests {
    struct Refused: Error {}

    let time = ManualTime()
    let database: SQLiteDatabase
    let method = MethodDescriptor(
        service: "test.Notes",
        name: "Write",
        idempotent: false,
        writes: true,
        users: .anybody,
        callers: [],
        http: []
    )

    init() async throws { database = try await OutboxFixture.database(time) }

    private func context(key: String?, as user: ExactText = "ann") -> CallContext {
        CallContext(principal: Principal(user: user, scopes: []), idempotencyKey: key)
    }

    private func call(_ text: String, _ context: CallContext) -> Call {
        Call(method, Note(text), context: context, on: TestPlatform(service: "notes", database: database))
    }

    private func write(_ text: String, _ context: CallContext) async throws -> String {
        try await call(text, context).write { tx in
            try tx.run("INSERT INTO effects (key, sequence) VALUES (\(text), 1)")
            let count = try tx.run("SELECT COUNT(*) FROM effects").first?.int(0) ?? 0
            return Note("\(text) is number \(count)")
        }.text
    }

    @Test("repeat: returns the stored response without a further effect")
    func repeated() async throws {
        let first = try await write("a", context(key: "k"))
        let second = try await write("a", context(key: "k"))
        #expect([first, second] == ["a is number 1", "a is number 1"])
    }

    @Test("no key: the request runs each time")
    func keyless() async throws {
        let first = try await write("a", context(key: nil))
        let second = try await write("a", context(key: nil))
        #expect([first, second] == ["a is number 1", "a is number 2"])
    }

    @Test("key of another request: refused with idempotencyKeyReused")
    func reused() async throws {
        _ = try await write("a", context(key: "k"))
        let refusal = await #expect(throws: Fault.self) { try await write("b", context(key: "k")) }
        #expect(refusal?.reason == .idempotencyKeyReused)
        #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
        #expect(refusal?.code == .alreadyExists)
    }

    @Test("same key of another user, or of a service on behalf of the user: independent requests")
    func principals() async throws {
        let service = CallContext(
            principal: Principal(service: "parcels", for: .user("ann")),
            idempotencyKey: "k"
        )
        var responses = [try await write("a", context(key: "k"))]
        responses.append(try await write("b", context(key: "k", as: "bob")))
        responses.append(try await write("c", service))
        #expect(responses == ["a is number 1", "b is number 2", "c is number 3"])
    }

    @Test("same key of callers of different kinds with similar names: independent requests")
    func kinds() async throws {
        let callers = [
            Principal(service: "parcels", for: .itself), Principal(user: "parcels", scopes: []),
            Principal(service: "parcels", for: .user("ann")), Principal(user: "parcels for ann", scopes: []),
            Principal(service: "parcels", for: .guest),
        ].map { CallContext(principal: $0, idempotencyKey: "k") }
        for (number, caller) in callers.enumerated() {
            #expect(try await write("a", caller) == "a is number \(number + 1)")
        }
        for (number, caller) in callers.enumerated() {
            #expect(try await write("a", caller) == "a is number \(number + 1)")
        }
    }

    @Test("anonymous callers: keys are validated but ignored, and nothing is stored")
    func anonymous() async throws {
        let caller = CallContext(principal: .anonymous, idempotencyKey: "k")
        #expect(try await write("a", caller) == "a is number 1")
        let stored: Note? = try await call("a", caller).storedResponse()
        #expect(stored == nil)
        #expect(try await write("a", caller) == "a is number 2")
        #expect(try await write("b", caller) == "b is number 3")
        #expect(try await database.read { tx in try tx.run("SELECT 1 FROM idempotency") }.isEmpty)
        let long = CallContext(principal: .anonymous, idempotencyKey: String(repeating: "k", count: 256))
        let refusal = await #expect(throws: Fault.self) { try await write("a", long) }
        #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
    }

    @Test("failed request: nothing is stored, and the key can be used again")
    func failed() async throws {
        await #expect(throws: Refused.self) {
            _ = try await call("a", context(key: "k")).write { tx -> Note in
                try tx.run("INSERT INTO effects (key, sequence) VALUES ('a', 1)")
                throw Refused()
            }
        }
        #expect(try await write("b", context(key: "k")) == "b is number 1")
    }

    @Test("an empty key and a key over the limit are refused, a key at the limit is accepted")
    func limits() async throws {
        for key in ["", String(repeating: "k", count: 256)] {
            let refusal = await #expect(throws: Fault.self) { try await write("a", context(key: key)) }
            #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
        }
        #expect(try await write("a", context(key: String(repeating: "k", count: 255))) == "a is number 1")
    }

    @Test("storedResponse: nil for a new request, the response for a repeat, a refusal for a reused key")
    func stored() async throws {
        let before: Note? = try await call("a", context(key: "k")).storedResponse()
        _ = try await write("a", context(key: "k"))
        let after: Note? = try await call("a", context(key: "k")).storedResponse()
        #expect(before == nil)
        #expect(after?.text == "a is number 1")
        await #expect(throws: Fault.self) {
            let _: Note? = try await call("b", context(key: "k")).storedResponse()
        }
    }

    @Test("concurrent repeats: the request runs once")
    func concurrent() async throws {
        let responses = await withTaskGroup(of: String?.self) { group in
            for _ in 1...20 { group.addTask { try? await write("a", context(key: "k")) } }
            return await group.reduce(into: Set<String>()) { $0.insert($1 ?? "refused") }
        }
        #expect(responses == ["a is number 1"])
    }

    @Test("deadline in the past: refused with deadlineExceeded")
    func deadline() async throws {
        var late = context(key: "k")
        late.deadline = time.now
        let refusal = await #expect(throws: Fault.self) { try await write("a", late) }
        #expect(refusal?.code == .deadlineExceeded)
    }

    @Test("after the retention, purge removes the key and the request runs again")
    func purge() async throws {
        _ = try await write("a", context(key: "k"))
        time.advance(by: Idempotency.retention + .seconds(1))
        let removed = try await database.transaction { tx in try Outbox.purge(SentRetention(of: []), in: tx) }
        #expect(removed == 1)
        #expect(try await write("a", context(key: "k")) == "a is number 2")
    }
}
