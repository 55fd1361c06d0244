package import HTTPTypes
package import Logging
package import MartletContract
package import MartletCore
package import MartletHTTP
package import MartletTelemetry

/// Serves the REST side of contracts: tokens and scopes, limits, deadlines, binding, validation, behind a ``RESTEdge``.
///
/// Besides the contracts' paths it serves `/openapi.json` and the paths added to its edge.
package struct RESTResponder: Sendable {
    /// Verifies the token of a request, and sees whom its connection authenticates: `nil` for no peer.
    ///
    /// `Principal.anonymous` without a token; throws `Fault` with `unauthenticated` for one that is not valid.
    package typealias Authenticate = @Sendable (HTTPFields, PeerIdentity?) async throws -> Principal

    private enum Target: Sendable {
        case method(RESTCalls.Route)
        case raw(ServedRaw)
    }

    private var edge: RESTEdge<Target>

    /// - Parameters:
    ///   - contracts: What is served; no two methods may have one path.
    ///   - raw: What is served beside contracts, on other paths.
    ///   - authenticate: The principal of a request.
    ///   - limits: The limits of bodies and deadlines.
    ///   - runtime: The clocks and the random numbers.
    ///   - log: Receives one line per request.
    ///   - observe: Called once per request, after its response is known.
    /// - Throws: `Fault` with `internal` when two methods have one path, or a contract's document is not JSON.
    package init(
        contracts: [ServedContract],
        raw: [ServedRaw] = [],
        authenticate: @escaping Authenticate,
        limits: RESTLimits,
        runtime: Runtime,
        log: Logger,
        observe: @escaping @Sendable (RequestRecord) -> Void = { _ in }
    ) throws {
        var routes = RouteTable<Target>()
        for method in contracts.flatMap(\.methods) {
            for rule in method.descriptor.http {
                try routes.add(rule, .method(RESTCalls.Route(method: method, rule: rule)))
            }
        }
        for endpoint in raw {
            try routes.add(HTTPRule(endpoint.route.verb, endpoint.route.path, body: "*"), .raw(endpoint))
        }
        let calls = RESTCalls(authenticate: authenticate, limits: limits, time: runtime.time)
        let rawCalls = RawCalls(authenticate: authenticate, limits: limits, time: runtime.time)
        edge = RESTEdge(
            routes: routes,
            runtime: runtime,
            log: log,
            peer: nil,
            observe: observe,
            handle: { target, variables, exchange in
                switch target {
                case .method(let route): try await calls.answer(route, variables: variables, in: exchange)
                case .raw(let endpoint): try await rawCalls.answer(endpoint, variables: variables, in: exchange)
                }
            }
        )
        let documents = contracts.map(\.openAPI).filter { !$0.isEmpty }
        edge.addDocument(try JoinedOpenAPI.document(of: documents, description: nil))
    }

    /// The system that this listener serves, see ``RESTEdge/system``.
    package var system: String? {
        get { edge.system }
        set { edge.system = newValue }
    }

    /// Begins the spans of requests, see ``RESTEdge/tracer``.
    package var tracer: ServiceTracer {
        get { edge.tracer }
        set { edge.tracer = newValue }
    }

    /// Responds to GET on `path` without token, record or log line; see ``RESTEdge/add(_:_:)``.
    package mutating func add(
        _ path: String,
        _ answer: @escaping @Sendable (ServerRequest) async throws -> ServerResponse
    ) {
        edge.add(path, answer)
    }

    /// The response to `request`; every error becomes a problem.
    ///
    /// - Parameter connection: On which the request arrived; `nil` without a listener.
    package func answer(_ request: ServerRequest, on connection: RESTConnection?) async -> ServerResponse {
        await edge.answer(request, on: connection)
    }
}

extension RESTEdge {
    /// Serves `/openapi.json`.
    ///
    /// - Parameter document: JSON.
    package mutating func addDocument(_ document: String) {
        add(
            "/openapi.json",
            shared: ServerResponse(
                status: .ok,
                headers: [.contentType: "application/json"],
                body: ResponseBody(document.utf8)
            )
        )
    }
}
