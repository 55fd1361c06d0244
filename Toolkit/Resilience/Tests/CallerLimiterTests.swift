import MartletContract
import MartletCore
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Limits of callers")
struct CallerLimiterTests {
    let time = ManualTime()
    let metrics = MetricsRegistry(service: "test")

    /// One request a minute and caller in each class.
    private var limiter: CallerLimiter {
        var limits = CallerLimits()
        for limit in LimitClass.allCases { limits[limit] = 1 }
        return CallerLimiter(limits, metrics: metrics, runtime: Runtime(time: time, seed: 1))
    }

    private static func user(_ name: ExactText) -> Principal { Principal(user: name, scopes: []) }

    @Test("each address, each /64 and each identity has limits of its own, each class for itself")
    func callers() throws {
        let limiter = limiter
        let addresses = ["192.0.2.1", "192.0.2.2", "::192.0.2.1", "2001:db8::1", "2001:db8:0:1::1"].map {
            IPAddress($0)
        }
        for address in addresses + [nil] {
            #expect(limiter.admit(address, to: .anonymousWrites)?.rate.isAccepted == true)
            #expect(limiter.admit(address, to: .anonymousWrites)?.rate.isAccepted == false)
            #expect(limiter.admit(address, to: .anonymousReads)?.rate.isAccepted == true)
        }
        for same in ["::ffff:192.0.2.1", "2001:db8::ffff:ffff:ffff:ffff"] {
            #expect(limiter.admit(IPAddress(same), to: .anonymousWrites)?.rate.isAccepted == false)
        }
        // The Kelvin sign is not the letter K, and an identity is no address.
        for name in ["Kim", "\u{212A}im", "192.0.2.1", ""] as [ExactText] {
            #expect(limiter.admit(Self.user(name), to: .anonymousWrites)?.rate.isAccepted == true)
            #expect(limiter.admit(Self.user(name), to: .anonymousWrites)?.rate.isAccepted == false)
        }
        let service = Principal(service: "Kim", for: .itself)
        #expect(limiter.admit(service, to: .anonymousWrites)?.rate.isAccepted == true)
    }

    @Test("a refusal has a reason, a delay and the fields of the draft; it is counted by class")
    func refusal() throws {
        let limiter = limiter
        let accepted = try #require(limiter.admit(Self.user("ann"), to: .identityWrites))
        try accepted.requireAccepted()
        #expect(accepted.policyField == #""identity-writes";q=1;w=60"#)
        #expect(accepted.limitField == #""identity-writes";r=0;t=60"#)
        time.advance(by: .milliseconds(58_500))
        let refused = try #require(limiter.admit(Self.user("ann"), to: .identityWrites))
        let fault = try #require(throws: Fault.self) { try refused.requireAccepted() }
        #expect(fault.code == .resourceExhausted && fault.reason == .rateLimited && fault.outcome == .notDone)
        #expect(fault.retryAfter == .milliseconds(1_500))
        #expect(fault.message == "at most 1 requests a minute of the class identity-writes, 1 at once")
        #expect(refused.limitField == #""identity-writes";r=0;t=2"#)
        let text = MetricsText.exposition(of: [metrics])
        #expect(text.contains(#"martlet_rate_limited_total{service="test",class="identity-writes"} 1"#))
        #expect(text.contains(#"martlet_rate_limited_total{service="test",class="anonymous-creations"} 0"#))
    }

    @Test("a class without a limit decides nothing")
    func unlimited() {
        let limiter = CallerLimiter(.none, metrics: metrics, runtime: Runtime(time: time, seed: 1))
        #expect(limiter.admit(nil, to: .anonymousReads) == nil)
        #expect(limiter.check(nil, of: .rejectedTokens) == nil)
    }

    @Test("the defaults: only what leaves something behind without a token has a low one")
    func defaults() {
        #expect(CallerLimits()[.anonymousCreations] == 60)
        for limit in LimitClass.allCases where limit != .anonymousCreations {
            #expect(CallerLimits()[limit] >= 12_000)
        }
        #expect(CallerLimits().rateLimit(of: .anonymousCreations) == RateLimit(requests: 60, burst: 15))
    }

    @Test(
        "the class follows from the contract",
        arguments: [
            (false, true, AccessPolicy.Users.anybody, LimitClass.anonymousCreations, LimitClass.identityWrites),
            (true, true, .anybody, .anonymousWrites, .identityWrites),
            (true, false, .anybody, .anonymousReads, .identityReads),
            // Without a token it is refused, and leaves nothing behind.
            (false, true, .scope("links:write"), .anonymousReads, .identityWrites),
        ]
    )
    func classes(
        idempotent: Bool,
        writes: Bool,
        users: AccessPolicy.Users,
        anonymous: LimitClass,
        identity: LimitClass
    ) {
        let method = MethodDescriptor(
            service: "acme.links.v1.LinksService",
            name: "Shorten",
            idempotent: idempotent,
            writes: writes,
            users: users,
            callers: [],
            http: []
        )
        #expect(method.anonymousLimit == anonymous)
        #expect(method.identityLimit == identity)
    }
}
