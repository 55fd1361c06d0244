import MartletCore
import Testing

@Suite("A fault")
struct FaultTests {
    struct Unknown: Error {}

    struct Refusal: FaultConvertible {
        var fault: Fault { Fault(.notFound, "a.missing", "there is no a", field: "a") }
    }

    @Test("is what an error says of itself, and tells nothing of any other")
    func describing() {
        #expect(Fault(describing: Refusal()).reason == "a.missing")
        #expect(Fault(describing: Refusal()).violations == [FieldViolation(field: "a", rule: "there is no a")])
        let other = Fault(describing: Unknown())
        #expect(other.code == .internal)
        #expect(other.message == "an internal error happened")
        #expect(Fault(describing: CancellationError()).code == .cancelled)
    }

    @Test("says what a caller may conclude", arguments: FaultCode.allCases)
    func outcome(code: FaultCode) {
        let unknown: Set<FaultCode> = [.cancelled, .unknown, .deadlineExceeded, .internal, .unavailable, .dataLoss]
        #expect((code.outcome == .unknown) == unknown.contains(code))
        #expect((code.outcome == .notDone) == [.aborted, .resourceExhausted].contains(code))
    }
}

@Suite("What a fault says of its call")
struct FaultOutcomeTests {
    struct Closed: CallNotMade {}

    @Test("is that nothing happened when no handler was reached")
    func notProcessed() {
        #expect(Fault.notProcessed("away").outcome == .notDone)
        #expect(Fault(.internal, .internal, "closed", cause: Closed()).outcome == .notDone)
        #expect(Fault(.unavailable, .unavailable, "lost").outcome == .unknown)
        #expect(Fault(.permissionDenied, .forbidden, "no", cause: NotProcessed()).outcome == .refused)
    }

    @Test("is that a request which is too long will be so again")
    func tooLong() {
        #expect(Fault(.resourceExhausted, .requestTooLarge, "too long").outcome == .refused)
        #expect(Fault(.resourceExhausted, .requestTooLarge, "too long", cause: NotProcessed()).outcome == .refused)
        #expect(Fault(.resourceExhausted, .overloaded, "busy").outcome == .notDone)
    }
}

@Suite("A principal")
struct PrincipalTests {
    @Test("holds its scopes and no other")
    func scopes() {
        let user = Principal(kind: .user, id: "ann", scopes: ["orders:read"])
        #expect(user.holds("orders:read"))
        #expect(!user.holds("orders:write"))
        #expect(user.holds(""))
        #expect(!Principal.anonymous.holds("orders:read"))
    }

    @Test("holds one of several when it holds any", arguments: ["a|b", "b|a", "b"])
    func alternatives(scope: String) {
        #expect(Principal(kind: .user, id: "ann", scopes: ["b", "c"]).holds(scope))
        #expect(!Principal(kind: .user, id: "ann", scopes: ["c", "ab"]).holds(scope))
    }

    @Test("that is a service may do what services may, and what it was granted, but nothing else")
    func service() {
        let service = Principal(kind: .service, id: "orders", scopes: [])
        #expect(service.holds("service"))
        #expect(service.holds("inventory:write|service"))
        #expect(!service.holds("inventory:write"))
        #expect(!service.holds("operate"))
        #expect(Principal(kind: .service, id: "console", scopes: ["operate"]).holds("operate"))
        #expect(!Principal(kind: .user, id: "ann", scopes: []).holds("inventory:write|service"))
    }

    @Test("is about whom it represents")
    func subject() {
        let context = CallContext(principal: Principal(kind: .user, id: "ann", scopes: []), idempotencyKey: "k")
        let outgoing = context.outgoing(as: "orders")
        #expect(outgoing.principal.subject == "ann")
        #expect(outgoing.principal.id == "orders")
        #expect(outgoing.idempotencyKey == nil)
    }
}
