import MartletContract
import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@testable import MartletOutbox

@Suite("A request that may be repeated")
struct IdempotencyTests {
    struct Refused: Error {}

    let time = ManualTime()
    let database: SQLiteDatabase
    let method = MethodDescriptor(
        service: "test.Notes",
        name: "Write",
        idempotent: false,
        writes: true,
        scope: "",
        http: []
    )

    init() async throws { database = try await Pair.database(time) }

    private func context(key: String?, as user: String = "ann") -> CallContext {
        CallContext(principal: Principal(kind: .user, id: user, scopes: []), idempotencyKey: key)
    }

    private func write(_ text: String, _ context: CallContext) async throws -> String {
        try await context.transaction(on: database, method, Note(text)) { tx in
            try tx.run("INSERT INTO effects (key, sequence) VALUES (\(text), 1)")
            let count = try tx.run("SELECT COUNT(*) FROM effects").first?.int(0) ?? 0
            return Note("\(text) is number \(count)")
        }.text
    }

    @Test("answers the stored response and has no further effect")
    func repeated() async throws {
        let first = try await write("a", context(key: "k"))
        let second = try await write("a", context(key: "k"))
        #expect([first, second] == ["a is number 1", "a is number 1"])
    }

    @Test("is done as often as it is sent when it carries no key")
    func keyless() async throws {
        let first = try await write("a", context(key: nil))
        let second = try await write("a", context(key: nil))
        #expect([first, second] == ["a is number 1", "a is number 2"])
    }

    @Test("is refused when its key was used for another request")
    func reused() async throws {
        _ = try await write("a", context(key: "k"))
        let refusal = await #expect(throws: Fault.self) { try await write("b", context(key: "k")) }
        #expect(refusal?.reason == .idempotencyKeyReused)
        #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
        #expect(refusal?.code == .alreadyExists)
    }

    @Test("shares no key with others: not with another person, nor with a service that acts for the same one")
    func principals() async throws {
        let service = CallContext(
            principal: Principal(kind: .service, id: "orders", scopes: [], onBehalfOf: "ann"),
            idempotencyKey: "k"
        )
        var answers = [try await write("a", context(key: "k"))]
        answers.append(try await write("b", context(key: "k", as: "bob")))
        answers.append(try await write("c", service))
        #expect(answers == ["a is number 1", "b is number 2", "c is number 3"])
    }

    @Test("shares no key with a caller of another kind, whatever their names are")
    func kinds() async throws {
        func context(_ kind: Principal.Kind, _ id: String, for subject: String? = nil) -> CallContext {
            CallContext(principal: Principal(kind: kind, id: id, scopes: [], onBehalfOf: subject), idempotencyKey: "k")
        }
        let callers = [
            context(.service, "orders"), context(.user, "orders"), context(.service, "orders", for: "ann"),
            context(.user, "orders for ann"), context(.service, "orders", for: ""),
        ]
        for (number, caller) in callers.enumerated() {
            #expect(try await write("a", caller) == "a is number \(number + 1)")
        }
        for (number, caller) in callers.enumerated() {
            #expect(try await write("a", caller) == "a is number \(number + 1)")
        }
    }

    @Test("of a stranger is never answered with another stranger's response, nor refused because of one")
    func strangers() async throws {
        let stranger = CallContext(principal: .anonymous, idempotencyKey: "k")
        #expect(try await write("a", stranger) == "a is number 1")
        let known: Note? = try await stranger.storedResponse(on: database, method, Note("a"))
        #expect(known == nil)
        #expect(try await write("a", stranger) == "a is number 2")
        #expect(try await write("b", stranger) == "b is number 3")
        #expect(try await database.read { tx in try tx.run("SELECT 1 FROM idempotency") }.isEmpty)
        let long = CallContext(principal: .anonymous, idempotencyKey: String(repeating: "k", count: 256))
        let refusal = await #expect(throws: Fault.self) { try await write("a", long) }
        #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
    }

    @Test("leaves nothing behind when it fails")
    func failed() async throws {
        await #expect(throws: Refused.self) {
            _ = try await context(key: "k").transaction(on: database, method, Note("a")) { tx -> Note in
                try tx.run("INSERT INTO effects (key, sequence) VALUES ('a', 1)")
                throw Refused()
            }
        }
        #expect(try await write("b", context(key: "k")) == "b is number 1")
    }

    @Test("refuses an empty key and one over the limit, and takes one at the limit")
    func limits() async throws {
        for key in ["", String(repeating: "k", count: 256)] {
            let refusal = await #expect(throws: Fault.self) { try await write("a", context(key: key)) }
            #expect(refusal?.violations.map(\.field) == ["Idempotency-Key"])
        }
        #expect(try await write("a", context(key: String(repeating: "k", count: 255))) == "a is number 1")
    }

    @Test("is told its stored response before it is done again")
    func stored() async throws {
        let before: Note? = try await context(key: "k").storedResponse(on: database, method, Note("a"))
        _ = try await write("a", context(key: "k"))
        let after: Note? = try await context(key: "k").storedResponse(on: database, method, Note("a"))
        #expect(before == nil)
        #expect(after?.text == "a is number 1")
        await #expect(throws: Fault.self) {
            let _: Note? = try await context(key: "k").storedResponse(on: database, method, Note("b"))
        }
    }

    @Test("is done once however many send it at the same time")
    func concurrent() async throws {
        let answers = await withTaskGroup(of: String?.self) { group in
            for _ in 1...20 { group.addTask { try? await write("a", context(key: "k")) } }
            return await group.reduce(into: Set<String>()) { $0.insert($1 ?? "refused") }
        }
        #expect(answers == ["a is number 1"])
    }

    @Test("is refused when its deadline has passed")
    func deadline() async throws {
        var late = context(key: "k")
        late.deadline = time.now
        let refusal = await #expect(throws: Fault.self) { try await write("a", late) }
        #expect(refusal?.code == .deadlineExceeded)
    }

    @Test("is forgotten after its retention")
    func purge() async throws {
        _ = try await write("a", context(key: "k"))
        time.advance(by: Idempotency.retention + .seconds(1))
        let gone = try await database.transaction { tx in try Outbox.purge(in: tx) }
        #expect(gone == 1)
        #expect(try await write("a", context(key: "k")) == "a is number 2")
    }
}
