import MartletContract
import MartletCore
import MartletEventLog
import MartletRPC
import MartletTesting
import Testing

/// Calls every method of the running shop with every caller's token: who is admitted is what the contracts state.
@Suite(
    "Policy of the running shop",
    .enabled(if: Programs.areBuilt),
    .serialized,
    .sharedShop,
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct PolicyTests {
    private static let methods: [PrintedTopology.Method] = Programs.topology.methods
    private static let all: [String] = Array(Set(methods.map(\.service))).sorted()
    private static let scopes: [String] =
        Array(Set(methods.map(\.users))).sorted().filter { $0.contains(":") } + ["operate"]

    /// What a listener answers before the handler runs.
    private enum Answer: Equatable {
        case admitted
        /// The token is not valid, or there is none and one is needed.
        case unauthenticated
        case denied
    }

    private let shop: RunningShop

    init() throws { shop = try SharedShop.shop.shop }

    @Test("users: without a token, with an expired one, and with each scope", arguments: PolicyTests.all)
    func users(of service: String) async throws {
        try await calling(service) { call in
            for method in Self.methods where method.service == service {
                let isOpen = method.users == "ANYBODY"
                var answers = [
                    try await call(method, nil, .guest), try await call(method, MintedToken(scope: ""), .guest),
                ]
                #expect(
                    answers == [isOpen ? .admitted : .unauthenticated, isOpen ? .admitted : .denied],
                    "\(method.name)"
                )
                // An expired token, and a scope that means a service: both are refused, also where none is needed.
                answers = [
                    try await call(method, MintedToken(expiresIn: -600), .guest),
                    try await call(method, MintedToken(scope: "service"), .itself),
                ]
                #expect(answers == [.unauthenticated, .unauthenticated], "\(method.name)")
                for scope in Self.scopes {
                    let answer = try await call(method, MintedToken(scope: scope), .guest)
                    #expect(
                        answer == (isOpen || method.users == scope ? .admitted : .denied),
                        "\(method.name) \(scope)"
                    )
                }
            }
        }
    }

    @Test("services: each with a token for the callee, for each party, and nothing else", arguments: PolicyTests.all)
    func services(of callee: String) async throws {
        try await calling(callee) { call in
            for method in Self.methods where method.service == callee {
                for caller in Self.all + ["eventlog", "unknown"] {
                    let own = MintedToken(audience: callee, subject: caller, kind: "service", scope: "")
                    let entries: [(Principal.Party, String)] = [
                        (.itself, caller), (.user("ann"), "\(caller) for users"), (.guest, "\(caller) for guests"),
                    ]
                    for (party, entry) in entries {
                        let answer = try await call(method, own, party)
                        #expect(
                            answer == (method.callers.contains(entry) ? .admitted : .denied),
                            "\(method.name) \(entry)"
                        )
                    }
                    // A caller that is admitted needs a token for this callee that has not expired.
                    var other = own
                    other.audience = "another"
                    var answers = [try await call(method, other, .user("ann"))]
                    other.audience = "martlet"
                    answers.append(try await call(method, other, .user("ann")))
                    other.audience = callee
                    other.expiresIn = -600
                    answers.append(try await call(method, other, .user("ann")))
                    #expect(
                        answers == [.unauthenticated, .unauthenticated, .unauthenticated],
                        "\(method.name) \(caller)"
                    )
                }
            }
        }
    }

    private typealias Call = (PrintedTopology.Method, MintedToken?, Principal.Party) async throws -> Answer

    /// Runs `body` with calls to `service`: with a token, and a party for a service's.
    private func calling(_ service: String, _ body: (Call) async throws -> Void) async throws {
        let process = try #require(Programs.topology.processes.first { $0.services.contains(service) })
        let port = try shop.grpcPort(of: process.program)
        let folder = shop.folder
        // One connection for each token would take long: the token is a call's.
        let connection = RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: RPCClientLimits(),
            runtime: .system,
            authorization: { _ in TokenOfCall.current.map { "Bearer \($0)" } }
        )
        try await body { method, token, party in
            let text = try token?.signed(folder)
            return try await TokenOfCall.$current.withValue(text) {
                try await Self.answer(to: method, over: connection, for: party, hasToken: text != nil)
            }
        }
        await connection.close()
    }

    private static func answer(
        to method: PrintedTopology.Method,
        over connection: RPCConnection,
        for party: Principal.Party,
        hasToken: Bool
    ) async throws -> Answer {
        let names = method.name.split(separator: "/").map(String.init)
        let descriptor = MethodDescriptor(
            service: names[0],
            name: names[1],
            idempotent: true,
            writes: false,
            users: .noUser,
            callers: [],
            http: []
        )
        let context = CallContext(
            deadline: SystemTime().now + HangLimit.wait,
            principal: hasToken ? Principal(service: "tests", for: party) : .anonymous
        )
        do {
            // Empty, as is any message without its fields: a handler that is reached refuses it.
            let _: StatusResponse = try await connection.unary(descriptor, StatusRequest(), context: context)
            return .admitted
        } catch {
            switch Fault(describing: error).code {
            case .unauthenticated: return .unauthenticated
            case .permissionDenied: return .denied
            default: return .admitted
            }
        }
    }
}

/// The token of the call that the task makes.
private enum TokenOfCall {
    @TaskLocal static var current: String?
}
