public import MartletCore
import Synchronization

/// Calls other parties over HTTP, with a deadline, retries from a budget, circuit breakers, and limits of bodies.
///
/// Redirects are not followed: their response is returned. A URL from data is called only if all addresses of its host are
/// public: they are judged after the name was resolved, and the request goes to the address that was judged. A configured peer
/// has a circuit breaker; hosts from data have none, since there may be any number of them. A request in a recorded trace has
/// a span, and a configured peer gets its `traceparent`.
///
/// ```swift
/// func notify(_ url: String, _ body: [UInt8], on client: OutgoingClient, until deadline: Moment?) async throws -> Int {
///     guard let url = OutgoingURL(fromData: url) else { return 0 }
///     let request = OutgoingRequest("POST", url, body: body, isRepeatable: true)
///     return try await client.send(request, until: deadline).status
/// }
/// ```
public final class OutgoingClient: Sendable {
    private let transport: any OutgoingTransport
    private let policy: OutgoingPolicy
    private let runtime: Runtime
    private let budget: RetryBudget
    /// By the origin of a configured peer.
    private let breakers = Mutex<[ExactText: CircuitBreaker]>([:])

    public init(over transport: any OutgoingTransport, policy: OutgoingPolicy, runtime: Runtime) {
        self.transport = transport
        self.policy = policy
        self.runtime = runtime
        budget = RetryBudget(capacity: policy.retryBurst, deposit: policy.retryShare)
    }

    /// The response to a request was longer than its limit: the request was processed.
    public static let responseTooLarge: Reason = "outgoing.response_too_large"
    /// The fault of a transport for a host that has no address.
    public static let unknownHost = Fault.notProcessed("the host of the URL is not known")
    /// The host of a URL from data has an address that is not public: nothing was sent.
    public static let forbiddenAddress: Reason = "outgoing.forbidden_address"

    /// Sends a request.
    ///
    /// One that is repeatable, or was certainly not processed, is sent again after a failure of the connection or a status
    /// 502, 503 or 504.
    ///
    /// - Parameters:
    ///   - request: What is sent.
    ///   - deadline: When the caller stops waiting; `nil`: after the policy's timeout.
    /// - Returns: The last response, whatever its status.
    /// - Throws: `Fault`: `invalidArgument` for a request beyond its limits, ``forbiddenAddress``, `unavailable`,
    ///   `deadlineExceeded`, ``responseTooLarge``; `CancellationError`.
    public func send(_ request: OutgoingRequest, until deadline: Moment?) async throws -> OutgoingResponse {
        try check(request)
        let now = runtime.time.now
        let end = min(deadline ?? now + policy.timeout, now + policy.timeout)
        let span = OutgoingSpan(request)
        let placed = span.placed(request)
        return try await span.finish {
            try await withDeadline(end, runtime.time) { [self] in try await send(placed, until: end, in: span) }
        }
    }

    /// Sends a request, and again while that is safe and worth it.
    private func send(
        _ request: OutgoingRequest,
        until end: Moment,
        in span: OutgoingSpan
    ) async throws -> OutgoingResponse {
        let origin = ExactText(request.url.origin)
        budget.called(by: origin)
        var attempt = 1
        while true {
            let result = await result(of: request, from: origin, until: end)
            let fault: Fault
            switch result {
            case .success(let response):
                guard let failure = Self.failure(response) else { return response }
                fault = failure
            case .failure(let error):
                if error is CancellationError { throw error }
                fault = Fault(describing: error)
            }
            let delay = policy.retry.delay(
                after: attempt,
                fault,
                isRepeatable: request.isRepeatable,
                fraction: runtime.entropy.fraction(),
                left: end - runtime.time.now
            )
            guard let delay, budget.takeRetry(for: origin) else {
                if case .success(let response) = result { return response }
                throw fault
            }
            try await runtime.time.sleep(for: delay)
            attempt += 1
            span.repeated(attempt)
        }
    }

    private func check(_ request: OutgoingRequest) throws {
        let isMethod = !request.method.isEmpty && request.method.utf8.allSatisfy { 65...90 ~= $0 }
        guard isMethod, request.headers.allSatisfy(\.isValid), request.body.count <= policy.requestBytesMax else {
            throw Fault(.invalidArgument, .invalidRequest, "the outgoing request is not valid, or too long")
        }
    }

    /// The outcome of one attempt.
    private func result(
        of request: OutgoingRequest,
        from origin: ExactText,
        until end: Moment
    ) async -> Result<OutgoingResponse, any Error> {
        do {
            guard request.url.isGuarded else {
                return .success(try await attempt(request, at: origin, until: end))
            }
            let address = try await publicAddress(of: request.url.host)
            return .success(try await attempt(request, to: address, until: end))
        } catch {
            return .failure(error)
        }
    }

    /// A status of 500 or more counts as a failure of the peer.
    private func attempt(
        _ request: OutgoingRequest,
        at origin: ExactText,
        until end: Moment
    ) async throws -> OutgoingResponse {
        let begin = runtime.time.now
        let admission = try admit(to: origin, at: begin)
        do {
            let response = try await attempt(request, to: nil, until: end)
            count(response.status >= 500 ? .failure : .success, of: admission, at: origin)
            return response
        } catch {
            count(Self.classification(error, after: runtime.time.now - begin), of: admission, at: origin)
            throw error
        }
    }

    /// - Throws: ``CircuitOpen`` when the peer keeps failing.
    private func admit(to origin: ExactText, at now: Moment) throws -> CircuitBreaker.Admission {
        try breakers.withLock { breakers in
            var breaker =
                breakers[origin]
                ?? CircuitBreaker(failuresLimit: policy.failuresLimit, openDuration: policy.circuitOpenDuration)
            let admission = breaker.admit(at: now)
            breakers[origin] = breaker
            guard let admission else { throw CircuitOpen(retryAfter: breaker.wait(at: now)) }
            return admission
        }
    }

    private func count(
        _ classification: CircuitBreaker.Classification,
        of admission: CircuitBreaker.Admission,
        at origin: ExactText
    ) {
        let now = runtime.time.now
        breakers.withLock { breakers in
            switch classification {
            case .failure: breakers[origin]?.failed(admission, at: now)
            case .success: breakers[origin]?.succeeded(admission, at: now)
            case .ignored: breakers[origin]?.abandoned(admission, at: now)
            case .unanswered(let duration): breakers[origin]?.unanswered(admission, for: duration, at: now)
            }
        }
    }

    /// How a failure counts for the circuit: a caller with little time does not open it, nor a response that is too long.
    private static func classification(_ error: any Error, after duration: Duration) -> CircuitBreaker.Classification {
        if error is CancellationError { return .ignored }
        guard let fault = error as? Fault else { return .failure }
        if fault.code == .deadlineExceeded { return .unanswered(for: duration) }
        return fault.reason == responseTooLarge ? .success : .failure
    }

    private func attempt(
        _ request: OutgoingRequest,
        to address: String?,
        until end: Moment
    ) async throws -> OutgoingResponse {
        let left = end - runtime.time.now
        guard left > .zero else { throw Fault.deadlineExceeded }
        let response = try await transport.send(
            request,
            to: address,
            timeout: left,
            responseBytesMax: policy.responseBytesMax
        )
        guard response.body.count <= policy.responseBytesMax else { throw Self.tooLarge }
        return response
    }

    /// The address to which a request with a URL from data goes.
    ///
    /// One private address among public ones refuses the host: it is no peer of ours, and its answer may change.
    private func publicAddress(of host: String) async throws -> String {
        let texts = IPAddress(host) == nil ? try await transport.addresses(of: host) : [host]
        let arePublic = texts.allSatisfy { text in IPAddress(text).map(PublicAddresses.contains) ?? false }
        guard let first = texts.first, arePublic else {
            throw Fault(.failedPrecondition, Self.forbiddenAddress, "the host of the URL may not be called")
        }
        return first
    }

    /// A response that a repeat may change; `nil` for any other.
    private static func failure(_ response: OutgoingResponse) -> Fault? {
        guard [502, 503, 504].contains(response.status) else { return nil }
        let pause = response.header("retry-after").flatMap { Int($0) }.map { Duration.seconds(max(0, $0)) }
        return Fault(.unavailable, .unavailable, "the peer is not available", retryAfter: pause)
    }

    /// The fault of a transport whose response is too long.
    public static let tooLarge = Fault(.unknown, responseTooLarge, "the response is longer than its limit")
}
