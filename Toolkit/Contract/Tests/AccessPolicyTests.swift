import MartletContract
import MartletCore
import Testing

@Suite("Access policy")
struct AccessPolicyTests {
    private static let ann = Principal(user: "ann", scopes: ["links:write"])
    private static let bob = Principal(user: "bob", scopes: ["links:read"])
    /// A token that names the kind of a caller as its scope.
    private static let powerful = Principal(user: "eve", scopes: ["service", "ANY_SERVICE", "previews"])
    private static let previews = Principal(service: "previews", for: .itself)
    private static let previewsForAnn = Principal(service: "previews", for: .user("ann"))
    private static let previewsForGuest = Principal(service: "previews", for: .guest)
    private static let others = Principal(service: "others", for: .itself)

    private static let everybody: [Principal] = [
        .anonymous, ann, bob, powerful, previews, previewsForAnn, previewsForGuest, others,
    ]

    private func admitted(_ users: AccessPolicy.Users, _ callers: [AccessPolicy.Caller]) -> [Principal] {
        let policy = AccessPolicy(users: users, callers: callers)
        return Self.everybody.filter { policy.decision(on: $0, from: nil) == .allowed }
    }

    @Test("users are judged by the scope alone, whatever services may call")
    func users() {
        #expect(admitted(.anybody, []) == [.anonymous, Self.ann, Self.bob, Self.powerful])
        #expect(admitted(.scope("links:write"), []) == [Self.ann])
        #expect(admitted(.noUser, []) == [])
        #expect(admitted(.noUser, [.anyService(for: .users)]) == [Self.previewsForAnn])
    }

    @Test("services are judged by their entries alone, also when they speak for a user who may call")
    func services() {
        let (itself, users, guests) = (Self.previews, Self.previewsForAnn, Self.previewsForGuest)
        #expect(admitted(.noUser, [.service("previews", for: .itself)]) == [itself])
        #expect(admitted(.noUser, [.service("previews", for: .users)]) == [users])
        #expect(admitted(.noUser, [.service("previews", for: .guests)]) == [guests])
        #expect(admitted(.scope("links:write"), []) == [Self.ann])
        #expect(
            admitted(.noUser, [.service("previews", for: .itself), .service("previews", for: .users)]) == [
                itself, users,
            ]
        )
    }

    @Test("any service is every service, for the named party")
    func anyService() {
        #expect(admitted(.noUser, [.anyService(for: .itself)]) == [Self.previews, Self.others])
    }

    @Test("without a token one is needed; with the wrong one the reason is given")
    func reasons() {
        let policy = AccessPolicy(users: .scope("links:write"), callers: [.service("previews", for: .users)])
        #expect(policy.decision(on: .anonymous, from: nil) == .tokenNeeded)
        #expect(policy.decision(on: Self.bob, from: nil) == .refused("the token lacks the scope links:write"))
        #expect(
            policy.decision(on: Self.previews, from: nil)
                == .refused("the service previews may not call it for itself")
        )
        let between = AccessPolicy(users: .noUser, callers: [])
        #expect(between.decision(on: .anonymous, from: nil) == .tokenNeeded)
        #expect(between.decision(on: Self.ann, from: nil) == .refused("only services may call it"))
    }

    @Test("a service's token works only on a connection of this service, where connections have identities")
    func peers() {
        let policy = AccessPolicy(users: .anybody, callers: [.anyService(for: .itself)])
        #expect(policy.decision(on: Self.previews, from: PeerIdentity(name: "previews")) == .allowed)
        #expect(policy.decision(on: Self.previews, from: PeerIdentity(name: "others")) != .allowed)
        #expect(policy.decision(on: Self.ann, from: PeerIdentity(name: "gateway")) == .allowed)
    }
}
