import MartletCore
import Testing

@Suite("Fault")
struct FaultTests {
    struct Unknown: Error {}

    struct Refusal: FaultConvertible {
        var fault: Fault { Fault(.notFound, "a.missing", "there is no a", field: "a") }
    }

    @Test("describing an error: its own fault, or an internal error without details")
    func describing() {
        #expect(Fault(describing: Refusal()).reason == "a.missing")
        #expect(Fault(describing: Refusal()).violations == [FieldViolation(field: "a", rule: "there is no a")])
        let other = Fault(describing: Unknown())
        #expect(other.code == .internal)
        #expect(other.message == "an internal error happened")
        #expect(Fault(describing: CancellationError()).code == .cancelled)
    }

    @Test("the detail for the caller begins with the field that broke the rule, once")
    func detail() {
        func detail(_ message: String, field: String?) -> String {
            Fault(.invalidArgument, .invalidRequest, message, field: field).detail
        }
        #expect(detail("must be at most 200", field: "page_size") == "page_size: must be at most 200")
        #expect(detail("page_size must be at most 200", field: "page_size") == "page_size must be at most 200")
        #expect(detail("links[3].code is unknown", field: "links[3].code") == "links[3].code is unknown")
        // A word that begins with the same letters is no field.
        #expect(detail("codeine is unknown", field: "code") == "code: codeine is unknown")
        #expect(detail("link_id is unknown", field: "link") == "link: link_id is unknown")
        #expect(detail("code", field: "code") == "code")
        #expect(detail("must be an object", field: nil) == "must be an object")
        #expect(detail("must be an object", field: "") == "must be an object")
        var several = Fault(.notFound, "a.missing", "two are missing")
        several.violations = [FieldViolation(field: "a", rule: "x"), FieldViolation(field: "b", rule: "y")]
        #expect(several.detail == "two are missing")
    }

    @Test("outcome by status code", arguments: FaultCode.allCases)
    func outcome(code: FaultCode) {
        let unknown: Set<FaultCode> = [.cancelled, .unknown, .deadlineExceeded, .internal, .unavailable, .dataLoss]
        #expect((code.outcome == .unknown) == unknown.contains(code))
        #expect((code.outcome == .notDone) == [.aborted, .resourceExhausted].contains(code))
    }
}

@Suite("Fault outcome")
struct FaultOutcomeTests {
    struct Closed: CallNotMade {}

    @Test("not done when no handler was reached")
    func notProcessed() {
        #expect(Fault.notProcessed("away").outcome == .notDone)
        #expect(Fault(.internal, .internal, "closed", cause: Closed()).outcome == .notDone)
        #expect(Fault(.unavailable, .unavailable, "lost").outcome == .unknown)
        #expect(Fault(.permissionDenied, .forbidden, "no", cause: NotProcessed()).outcome == .refused)
    }

    @Test("a request that is too large is refused, even if it was not processed")
    func tooLong() {
        #expect(Fault(.resourceExhausted, .requestTooLarge, "too long").outcome == .refused)
        #expect(Fault(.resourceExhausted, .requestTooLarge, "too long", cause: NotProcessed()).outcome == .refused)
        #expect(Fault(.resourceExhausted, .overloaded, "busy").outcome == .notDone)
    }
}
