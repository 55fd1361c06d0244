import HTTPTypes
package import Logging
package import MartletContract
package import MartletCore
package import MartletHTTP
package import MartletTelemetry

/// What every REST listener does around a request: id and trace, the listener's own paths, problems, one record and one
/// log line.
///
/// HEAD is handled like GET, without the body. `x-request-id` is accepted or generated, and returned.
package struct RESTEdge<Target: Sendable>: Sendable {
    /// Responds to a request whose path and verb match a target; an error becomes a problem.
    package typealias Handle = @Sendable (Target, [PathVariable], Exchange) async throws -> ServerResponse
    /// Responds to GET on one of the listener's own paths.
    package typealias Plain = @Sendable (ServerRequest) async throws -> ServerResponse
    /// Decides about a request that no target handles; what it throws becomes the response.
    ///
    /// That is a request of one of the listener's own paths, of an unknown path, with another method, or for another system,
    /// and no question about health.
    package typealias AdmitUnrouted = @Sendable (Exchange) throws -> Void

    private let routes: RouteTable<Target>
    private let runtime: Runtime
    private let log: Logger
    private let peer: (@Sendable (Target) -> String)?
    private let observe: @Sendable (RequestRecord) -> Void
    private let handle: Handle
    private var plain: [String: Plain] = [:]
    /// Of these paths, those whose responses share their bytes.
    private var shared: Set<String> = []
    /// The system that this listener serves: a request for another one, by ``RESTHeaders/system``, is refused with 503.
    ///
    /// `nil` serves all requests.
    package var system: String?
    /// `nil` admits all requests.
    package var admitUnrouted: AdmitUnrouted?
    /// Begins the spans of requests, but not of those of the listener's own paths.
    package var tracer: ServiceTracer

    /// - Parameters:
    ///   - routes: The targets by verb and path.
    ///   - runtime: The clocks and the random numbers.
    ///   - log: Receives one line per request.
    ///   - peer: The service behind this listener, for records; `nil` when there is none.
    ///   - observe: Called once per request, after its response is known.
    ///   - handle: Responds to a request whose target is found.
    package init(
        routes: RouteTable<Target>,
        runtime: Runtime,
        log: Logger,
        peer: (@Sendable (Target) -> String)?,
        observe: @escaping @Sendable (RequestRecord) -> Void,
        handle: @escaping Handle
    ) {
        self.routes = routes
        self.runtime = runtime
        self.log = log
        self.peer = peer
        self.observe = observe
        self.handle = handle
        tracer = ServiceTracer(offFor: "", runtime: runtime, isEdge: false)
    }

    /// Responds to GET on `path` without token, record or log line: for health, metrics and the like.
    ///
    /// A later handler of a path replaces an earlier one.
    package mutating func add(_ path: String, _ answer: @escaping Plain) {
        plain[path] = answer
        shared.remove(path)
    }

    /// Responds to GET on `path` with `response`, whose bytes all responses share: nothing is reserved for them.
    package mutating func add(_ path: String, shared response: ServerResponse) {
        plain[path] = { _ in response }
        shared.insert(path)
    }

    /// The response to `request`; every error becomes a problem.
    ///
    /// - Parameter connection: On which the request arrived; `nil` without a listener: nothing is reserved.
    package func answer(_ request: ServerRequest, on connection: RESTConnection?) async -> ServerResponse {
        let id = RESTHeaders.requestID(of: request.headers, runtime: runtime)
        let own = plain[request.path]
        let scope = scope(of: request, isOwn: own != nil)
        let exchange = Exchange(
            request: request,
            connection: connection,
            id: id,
            trace: scope.trace,
            started: runtime.time.now
        )
        var response: ServerResponse
        if let refusal = refusal(of: exchange) {
            response = problem(refusal, exchange)
            scope.span?.end(refusal)
        } else if let own {
            response = await answer(exchange, own)
        } else {
            response = await scope.run { await answer(exchange, scope.span) }
            response.headers[RESTHeaders.requestID] = exchange.id
        }
        for field in exchange.added.fields { response.headers[field.name] = field.value }
        if let system, request.headers[RESTHeaders.system] != nil { response.headers[RESTHeaders.system] = system }
        return request.method == .head ? response.withoutBody : response
    }

    /// The place of a request in its caller's trace, or in a new one.
    private func scope(of request: ServerRequest, isOwn: Bool) -> SpanScope {
        let caller = RESTHeaders.trace(of: request.headers)
        guard !isOwn else { return SpanScope(unrecordedAfter: caller, runtime.entropy) }
        return tracer.begin(.server, after: tracer.received(caller), name: Self.label(request.method))
    }

    /// Why a request is refused whatever it is: it is for another system, or its connection is for health only.
    private func refusal(of exchange: Exchange) -> Fault? {
        let request = exchange.request
        if let system, let wanted = request.headers[RESTHeaders.system], !wanted.utf8.elementsEqual(system.utf8) {
            do { try admit(exchange) } catch { return Fault(describing: error) }
            return Fault.notProcessed("this is another system than the request is for")
        }
        guard exchange.connection?.isReserved == true, !HealthPath.all.contains(request.path) else { return nil }
        return .tooManyConnections
    }

    /// A request that no target handles is admitted, or throws.
    private func admit(_ exchange: Exchange) throws {
        guard let admitUnrouted else { return }
        let isHealth = HealthPath.all.contains(exchange.request.path) && exchange.verb == HTTPRule.Verb.get.rawValue
        if !isHealth { try admitUnrouted(exchange) }
    }

    private func answer(_ exchange: Exchange, _ own: Plain) async -> ServerResponse {
        do {
            try admit(exchange)
            guard exchange.verb == HTTPRule.Verb.get.rawValue else { return otherVerbs([.get], exchange).response }
            let response = try await own(exchange.request)
            return shared.contains(exchange.request.path) ? response : try exchange.reserved(response)
        } catch {
            exchange.responseFailed()
            return problem(Fault(describing: error), exchange)
        }
    }

    private func problem(_ fault: Fault, _ exchange: Exchange) -> ServerResponse {
        Problem(fault, requestID: exchange.id).response
    }

    /// - Throws: `Fault` also when a request without a route is not admitted.
    private func match(_ exchange: Exchange) throws -> RouteMatch<Target> {
        let match: RouteMatch<Target>
        do {
            match = try routes.find(exchange.verb, exchange.request.path)
        } catch {
            try admit(exchange)
            throw error
        }
        if case .found = match { return match }
        try admit(exchange)
        return match
    }

    private func answer(_ exchange: Exchange, _ span: ServiceSpan?) async -> ServerResponse {
        var route = ""
        var target: Target?
        var failure: Fault?
        var response: ServerResponse
        do {
            switch try match(exchange) {
            case .found(let found, let template, let variables):
                route = template
                target = found
                response = try exchange.reserved(try await handle(found, variables, exchange))
            case .otherVerbs(let verbs): (failure, response) = otherVerbs(verbs, exchange)
            case .unknownPath: throw Fault.unknownPath
            }
        } catch {
            let fault = Fault(describing: error)
            failure = fault
            exchange.responseFailed()
            response = problem(fault, exchange)
        }
        let status = Int(response.status.code)
        let record = finish(exchange, route: route, target: target, status: status, failure: failure)
        if let span { finish(span, record) }
        return response
    }

    private func otherVerbs(
        _ verbs: [HTTPRule.Verb],
        _ exchange: Exchange
    ) -> (failure: Fault?, response: ServerResponse) {
        let fault = Fault(.unimplemented, .methodNotAllowed, "this path has other methods")
        var response = problem(fault, exchange)
        let allowed = verbs.map(\.rawValue) + (verbs.contains(.get) ? [HTTPRequest.Method.head.rawValue] : [])
        response.headers[.allow] = allowed.sorted().joined(separator: ", ")
        return (fault, response)
    }

    private func finish(
        _ exchange: Exchange,
        route: String,
        target: Target?,
        status: Int,
        failure: Fault?
    ) -> RequestRecord {
        let record = RequestRecord(
            verb: Self.label(exchange.request.method),
            route: route,
            peer: peer.map { name in target.map(name) ?? "none" },
            status: status,
            duration: runtime.time.now - exchange.started,
            reason: failure?.reason.name ?? ""
        )
        observe(record)
        log.log(level: status == 500 ? .error : .info, "request", metadata: facts(record, exchange, failure: failure))
        return record
    }

    private func facts(_ record: RequestRecord, _ exchange: Exchange, failure: Fault?) -> Logger.Metadata {
        var facts: Logger.Metadata = [
            "http.method": "\(record.verb)", "http.route": "\(record.route)", "http.status": "\(record.status)",
            "request.id": "\(exchange.id)", "duration.us": "\(record.duration.nanosecondsClamped / 1_000)",
        ]
        if let peer = record.peer { facts["peer"] = "\(peer)" }
        if let failure {
            facts["reason"] = "\(failure.reason)"
            if record.status >= 500, let cause = failure.cause { facts["cause"] = "\(String(describing: cause))" }
        }
        return facts
    }

    /// Only a failure of the server is one of its span.
    ///
    /// The path is left out: it has the ids of what is requested.
    private func finish(_ span: ServiceSpan, _ record: RequestRecord) {
        if !record.route.isEmpty {
            span.operationName = "\(record.verb) \(record.route)"
            span.set(.httpRoute, record.route)
        }
        span.set(.httpRequestMethod, record.verb)
        span.set(.httpResponseStatusCode, record.status)
        span.set(.urlScheme, "http")
        if record.status >= 500 { span.fail(record.reason) }
        span.end(nil)
    }

    /// Unknown verbs share one label, so that callers cannot create labels.
    private static func label(_ method: HTTPRequest.Method) -> String {
        if method == .head { return method.rawValue }
        return HTTPRule.Verb(rawValue: method.rawValue)?.rawValue ?? "OTHER"
    }
}
