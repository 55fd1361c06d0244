import HTTPTypes
import MartletContract
import MartletCore
import MartletHTTP
import MartletREST
import NIOCore
import Testing

@Suite("Problem")
struct ProblemTests {
    @Test(
        "the fault's code decides the status",
        arguments: [
            (FaultCode.invalidArgument, 400), (.outOfRange, 400), (.unauthenticated, 401), (.permissionDenied, 403),
            (.notFound, 404), (.alreadyExists, 409), (.failedPrecondition, 409), (.aborted, 409),
            (.resourceExhausted, 429), (.cancelled, 499), (.unknown, 500), (.internal, 500), (.dataLoss, 500),
            (.unimplemented, 501), (.unavailable, 503), (.deadlineExceeded, 504),
        ]
    )
    func status(_ code: FaultCode, _ status: Int) {
        #expect(Problem.status(of: Fault(code, "a.reason", "no")).code == status)
    }

    @Test(
        "some reasons have their own status",
        arguments: [
            (FaultCode.resourceExhausted, Reason.requestTooLarge, 413), (.alreadyExists, .idempotencyKeyReused, 422),
            (.invalidArgument, .mediaType, 415), (.unimplemented, .methodNotAllowed, 405),
            (.resourceExhausted, .headTooLarge, 431), (.deadlineExceeded, .requestTooSlow, 408),
        ]
    )
    func reason(code: FaultCode, reason: Reason, status: Int) {
        #expect(Problem.status(of: Fault(code, reason, "no")).code == status)
    }

    @Test("overload differs from refusals because of a request by its reason, not by its texts")
    func overload() async throws {
        func isOverload(_ fault: Fault) async throws -> Bool {
            let response = Problem(fault, requestID: "r").response
            let text = try await CollectedBody.text(of: response)
            return Problem.isOverload(status: response.status.code, body: ByteBuffer(string: text))
        }
        #expect(try await isOverload(Fault(.resourceExhausted, .overloaded, "too many")))
        #expect(try await !isOverload(Fault(.unavailable, .overloaded, "too many")))
        #expect(try await !isOverload(Fault(.resourceExhausted, "a.reason", "\"reason\":\"overloaded\"")))
    }

    @Test(
        "Retry-After: whole seconds, rounded up",
        arguments: [
            (FaultCode.unavailable, nil, "1"), (.unavailable, .milliseconds(1), "1"),
            (.unavailable, .milliseconds(1_001), "2"), (.unavailable, .nanoseconds(1_000_000_001), "2"),
            (.resourceExhausted, nil, "1"), (.notFound, nil, nil), (.aborted, .seconds(3), "3"),
        ] as [(FaultCode, Duration?, String?)]
    )
    func retryAfter(code: FaultCode, delay: Duration?, header: String?) {
        let problem = Problem(Fault(code, "a.reason", "no", retryAfter: delay), requestID: "r")
        #expect(problem.response.headers[.retryAfter] == header)
    }
}
