import MartletContract
import MartletCore
import MartletResilience
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("A service's channel")
struct SpokenChannelTests {
    private static let ask = MethodDescriptor(
        service: "test.Words",
        name: "Ask",
        idempotent: true,
        writes: false,
        users: .scope("words:read"),
        callers: [.service("previews", for: .itself), .service("previews", for: .users)],
        http: []
    )

    /// The principals that the handler has seen.
    private final class Callers: Sendable {
        let seen = Mutex<[Principal]>([])
    }

    private let callers = Callers()

    /// A call by `service` over its channel.
    private func call(by service: String, _ principal: Principal) async -> FaultCode? {
        let callers = callers
        var contract = ServedContract(name: "test.Words", openAPI: "", on: NoPlatform())
        contract.on(Self.ask) { (_: ListAuditRequest, call) -> ListAuditResponse in
            callers.seen.withLock { $0.append(call.principal) }
            return ListAuditResponse()
        }
        let services = LocalServices()
        services.add([contract])
        let time = ManualTime()
        let pool = ChannelPool(
            of: service,
            policy: .betweenServices,
            metrics: MetricsRegistry(service: service),
            runtime: Runtime(time: time, seed: 1),
            connect: { _ in LocalChannel(to: services, time: time) }
        )
        do {
            let _: ListAuditResponse = try await pool.channel(to: "words")
                .unary(Self.ask, ListAuditRequest(), context: CallContext(principal: principal))
            return nil
        } catch {
            return Fault(describing: error).code
        }
    }

    @Test("speaks as its service, for the user whose principal a call's context has")
    func user() async {
        let ann = Principal(user: "ann", scopes: [])
        #expect(await call(by: "previews", ann) == nil)
        #expect(callers.seen.withLock { $0 } == [Principal(service: "previews", for: .user("ann"))])
    }

    @Test("the scopes of the user do not come with a call")
    func scopes() async {
        let ann = Principal(user: "ann", scopes: ["words:read", "service"])
        #expect(await call(by: "others", ann) == .permissionDenied)
    }

    @Test("a context without a principal speaks for a guest, which gives no power")
    func guest() async {
        #expect(await call(by: "previews", .anonymous) == .permissionDenied)
        #expect(await call(by: "previews", CallContext().principal) == .permissionDenied)
    }

    @Test("the principal of another service does not make it this service")
    func another() async {
        #expect(await call(by: "others", Principal(service: "previews", for: .itself)) == .permissionDenied)
        #expect(await call(by: "previews", Principal(service: "others", for: .itself)) == nil)
        #expect(callers.seen.withLock { $0 } == [Principal(service: "previews", for: .itself)])
    }
}
