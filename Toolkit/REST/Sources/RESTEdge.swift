public import Hummingbird
public import Logging
public import MartletContract
public import MartletCore

/// What every REST listener of ours does around a request: its id and trace, paths of its own, problems, one record and one
/// line in the log.
///
/// HEAD is answered like GET, without the body. `x-request-id` is taken or made, and answered.
public struct RESTEdge<Target: Sendable>: HTTPResponder {
    public typealias Context = BasicRequestContext
    /// Answers a request whose path and verb lead to a target; what it throws becomes a problem.
    public typealias Handle = @Sendable (Target, [PathVariable], Exchange) async throws -> Response
    /// Answers GET on a path of the listener's own.
    public typealias Plain = @Sendable (Request) async throws -> Response

    private let routes: RouteTable<Target>
    private let time: any TimeSource
    private let entropy: any Entropy
    private let log: Logger
    private let peer: (@Sendable (Target) -> String)?
    private let observe: @Sendable (RequestRecord) -> Void
    private let handle: Handle
    private var plain: [String: Plain] = [:]

    /// - Parameters:
    ///   - peer: Who answers behind this listener, for records; `nil` when it answers itself.
    ///   - observe: Called once per request, after its answer is known.
    public init(
        routes: RouteTable<Target>,
        time: any TimeSource,
        entropy: any Entropy,
        log: Logger,
        peer: (@Sendable (Target) -> String)?,
        observe: @escaping @Sendable (RequestRecord) -> Void,
        handle: @escaping Handle
    ) {
        self.routes = routes
        self.time = time
        self.entropy = entropy
        self.log = log
        self.peer = peer
        self.observe = observe
        self.handle = handle
    }

    /// Answers GET on `path` without token, record or log line: for health, metrics and the like.
    ///
    /// A later one replaces an earlier one.
    public mutating func add(_ path: String, _ answer: @escaping Plain) { plain[path] = answer }

    public func respond(to request: Request, context: Context) async throws -> Response { await answer(request) }

    /// The answer to `request`: always one, since whatever goes wrong becomes a problem.
    public func answer(_ request: Request) async -> Response {
        let exchange = Exchange(
            request: request,
            id: RESTHeaders.requestID(of: request.headers, time: time, entropy: entropy),
            trace: RESTHeaders.trace(of: request.headers, entropy: entropy),
            started: time.now
        )
        var response: Response
        if let own = plain[request.uri.path] {
            response = await answer(exchange, own)
        } else {
            response = await TraceContext.$current.withValue(exchange.trace) { await answer(exchange) }
            response.headers[RESTHeaders.requestID] = exchange.id
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ exchange: Exchange, _ own: Plain) async -> Response {
        guard exchange.verb == HTTPRule.Verb.get.rawValue else { return otherVerbs([.get], exchange).response }
        do { return try await own(exchange.request) } catch {
            return Problem(Fault(describing: error), requestID: exchange.id).response
        }
    }

    private func answer(_ exchange: Exchange) async -> Response {
        var route = ""
        var target: Target?
        var failure: Fault?
        var response: Response
        do {
            switch try routes.find(exchange.verb, exchange.request.uri.path) {
            case .found(let found, let template, let variables):
                route = template
                target = found
                response = try await handle(found, variables, exchange)
            case .otherVerbs(let verbs): (failure, response) = otherVerbs(verbs, exchange)
            case .unknownPath: throw Fault.unknownPath
            }
        } catch {
            let fault = Fault(describing: error)
            failure = fault
            response = Problem(fault, requestID: exchange.id).response
        }
        finish(exchange, route, target, Int(response.status.code), failure)
        return response
    }

    private func otherVerbs(_ verbs: [HTTPRule.Verb], _ exchange: Exchange) -> (failure: Fault?, response: Response) {
        let fault = Fault(.unimplemented, .methodNotAllowed, "this path has other methods")
        var response = Problem(fault, requestID: exchange.id).response
        let allowed = verbs.map(\.rawValue) + (verbs.contains(.get) ? [HTTPRequest.Method.head.rawValue] : [])
        response.headers[.allow] = allowed.sorted().joined(separator: ", ")
        return (fault, response)
    }

    private func finish(_ exchange: Exchange, _ route: String, _ target: Target?, _ status: Int, _ failure: Fault?) {
        let record = RequestRecord(
            verb: Self.label(exchange.request.method),
            route: route,
            peer: peer.map { name in target.map(name) ?? "none" },
            status: status,
            duration: time.now - exchange.started,
            reason: failure?.reason.name ?? ""
        )
        observe(record)
        var facts: Logger.Metadata = [
            "http.method": "\(record.verb)", "http.route": "\(route)", "http.status": "\(status)",
            "request.id": "\(exchange.id)", "duration.us": "\(record.duration.nanosecondsClamped / 1_000)",
        ]
        if let peer = record.peer { facts["peer"] = "\(peer)" }
        if let failure {
            facts["reason"] = "\(failure.reason)"
            if status >= 500, let cause = failure.cause { facts["cause"] = "\(String(describing: cause))" }
        }
        log.log(level: status == 500 ? .error : .info, "request", metadata: facts)
    }

    /// Callers cannot invent labels.
    private static func label(_ method: HTTPRequest.Method) -> String {
        if method == .head { return method.rawValue }
        return HTTPRule.Verb(rawValue: method.rawValue)?.rawValue ?? "OTHER"
    }
}

/// One request on its way.
public struct Exchange: Sendable {
    public let request: Request
    /// Names it in logs, problems and the answer.
    public let id: String
    public let trace: TraceContext
    public let started: Moment

    /// What routes know: `GET` for HEAD, which differs only in what is not sent back.
    public var verb: String { (request.method == .head ? HTTPRequest.Method.get : request.method).rawValue }
}
