public import Hummingbird
public import Logging
public import MartletContract
public import MartletCore

/// Serves the REST side of contracts: routes, tokens and scopes, limits, deadlines, binding, validation, problems.
///
/// `x-request-id` is taken or made, and answered. Beside the contracts' paths it answers `/openapi.json`, and whatever
/// `add` adds.
public struct RESTResponder: HTTPResponder {
    public typealias Context = BasicRequestContext
    /// Verifies the token of a request.
    ///
    /// `Principal.anonymous` without a token; throws `Fault` with `unauthenticated` for one that is not valid.
    public typealias Authenticate = @Sendable (HTTPFields) async throws -> Principal

    let authenticate: Authenticate
    let limits: RESTLimits
    let time: any TimeSource
    let entropy: any Entropy
    private let log: Logger
    private let observe: @Sendable (RequestRecord) -> Void
    private let routes: RouteTable<Route>
    private var plain: [String: @Sendable (Request) async throws -> Response] = [:]

    /// A method under one of its HTTP rules.
    struct Route: Sendable {
        let method: ServedMethod
        let rule: HTTPRule
    }

    /// - Parameter observe: Called once per request, after its answer is known.
    /// - Throws: `Fault` with `internal` when two methods want one path, or a contract's document is no JSON.
    public init(
        contracts: [ServedContract],
        authenticate: @escaping Authenticate,
        limits: RESTLimits,
        time: any TimeSource,
        entropy: any Entropy,
        log: Logger,
        observe: @escaping @Sendable (RequestRecord) -> Void = { _ in }
    ) throws {
        self.authenticate = authenticate
        self.limits = limits
        self.time = time
        self.entropy = entropy
        self.log = log
        self.observe = observe
        var routes = RouteTable<Route>()
        for method in contracts.flatMap(\.methods) {
            for rule in method.descriptor.http { try routes.add(rule, Route(method: method, rule: rule)) }
        }
        self.routes = routes
        let document = try JoinedOpenAPI.document(of: contracts.map(\.openAPI).filter { !$0.isEmpty })
        add("/openapi.json") { _ in
            Response(
                status: .ok,
                headers: [.contentType: "application/json"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: document))
            )
        }
    }

    /// Answers GET on `path` without token, record or log line: for health, metrics and the like.
    ///
    /// A later one replaces an earlier one.
    public mutating func add(_ path: String, _ answer: @escaping @Sendable (Request) async throws -> Response) {
        plain[path] = answer
    }

    public func respond(to request: Request, context: Context) async throws -> Response {
        let id = RESTHeaders.requestID(of: request.headers, time: time, entropy: entropy)
        if request.method == .get, let answer = plain[request.uri.path] {
            do { return try await answer(request) } catch {
                return Problem(Fault(describing: error), requestID: id).response
            }
        }
        let trace = RESTHeaders.trace(of: request.headers, entropy: entropy)
        return await TraceContext.$current.withValue(trace) {
            await answer(Exchange(request: request, id: id, trace: trace, started: time.now))
        }
    }

    private func answer(_ exchange: Exchange) async -> Response {
        var route = ""
        var failure: Fault?
        var response: Response
        do {
            switch try routes.find(exchange.request.method.rawValue, exchange.request.uri.path) {
            case .found(let target, let template, let variables):
                route = template
                response = try await call(target, variables, exchange)
            case .otherVerbs(let verbs):
                let fault = Fault(.unimplemented, .methodNotAllowed, "this path has other methods")
                failure = fault
                response = Problem(fault, requestID: exchange.id).response
                response.headers[.allow] = verbs.map(\.rawValue).joined(separator: ", ")
            case .unknownPath: throw Fault.unknownPath
            }
        } catch {
            let fault = Fault(describing: error)
            failure = fault
            response = Problem(fault, requestID: exchange.id).response
        }
        response.headers[RESTHeaders.requestID] = exchange.id
        finish(exchange, route, Int(response.status.code), failure)
        return response
    }

    private func finish(_ exchange: Exchange, _ route: String, _ status: Int, _ failure: Fault?) {
        let known = HTTPRule.Verb(rawValue: exchange.request.method.rawValue)
        let record = RequestRecord(
            verb: known?.rawValue ?? "OTHER",
            route: route,
            status: status,
            duration: time.now - exchange.started,
            reason: failure?.reason.name ?? ""
        )
        observe(record)
        var facts: Logger.Metadata = [
            "http.method": "\(record.verb)", "http.route": "\(route)", "http.status": "\(status)",
            "request.id": "\(exchange.id)", "duration.us": "\(record.duration.nanosecondsClamped / 1_000)",
        ]
        if let failure {
            facts["reason"] = "\(failure.reason)"
            if status >= 500, let cause = failure.cause { facts["cause"] = "\(String(describing: cause))" }
        }
        log.log(level: status == 500 ? .error : .info, "request", metadata: facts)
    }
}

/// One request on its way.
struct Exchange: Sendable {
    let request: Request
    let id: String
    let trace: TraceContext
    let started: Moment
}
