import Testing

@testable import MartletCore

@Suite("Principal")
struct PrincipalTests {
    static let parties: [Principal.Party] = [
        .itself, .guest, .user("ann"), .user("kund\u{00E9} 7"), .user("itself"), .user("guest"), .user("user ann"),
        .user("%41"),
    ]

    @Test("a user has its scopes and no others")
    func scopes() {
        let user = Principal(user: "ann", scopes: ["parcels:read"])
        #expect(user.holds("parcels:read"))
        #expect(!user.holds("parcels:write"))
        #expect(!Principal.anonymous.holds("parcels:read"))
    }

    @Test("a service holds no scope, for any party", arguments: PrincipalTests.parties)
    func service(party: Principal.Party) {
        let service = Principal(service: "parcels", for: party)
        #expect(service.scopes.isEmpty)
        #expect(!service.holds("service") && !service.holds(""))
    }

    @Test(
        "a service's call is for the user or the guest who asked; what a service asked for itself is the callee's own"
    )
    func spoken() {
        let ann = Principal(user: "ann", scopes: ["parcels:read"])
        #expect(ann.spoken(by: "parcels") == Principal(service: "parcels", for: .user("ann")))
        #expect(Principal.anonymous.spoken(by: "parcels") == Principal(service: "parcels", for: .guest))
        for party in Self.parties {
            let parcels = Principal(service: "parcels", for: party)
            #expect(parcels.spoken(by: "scales") == Principal(service: "scales", for: party))
        }
    }

    @Test("the subject is the user for whom a service speaks; a guest has none")
    func subject() {
        #expect(Principal(service: "parcels", for: .user("ann")).subject == "ann")
        #expect(Principal(service: "parcels", for: .guest).subject.isEmpty)
        #expect(Principal(service: "parcels", for: .itself).subject == "parcels")
        #expect(Principal(service: "parcels", for: .itself).user == nil)
        #expect(Principal(service: "parcels", for: .guest).user == nil)
        #expect(Principal(user: "ann", scopes: []).user == "ann")
    }

    @Test("an outgoing call keeps no idempotency key")
    func outgoing() {
        let context = CallContext(principal: Principal(user: "ann", scopes: []), idempotencyKey: "k")
        let outgoing = context.outgoing(as: "parcels")
        #expect(outgoing.principal == Principal(service: "parcels", for: .user("ann")))
        #expect(outgoing.idempotencyKey == nil)
    }

    @Test("a party is read from the header and from the column as it was written", arguments: PrincipalTests.parties)
    func texts(party: Principal.Party) {
        #expect(Principal.Party(header: party.header) == party)
        #expect(Principal.Party(row: party.row) == party)
        #expect(party.header.utf8.allSatisfy { 0x20...0x7E ~= $0 })
    }

    @Test("a header that is no party is none", arguments: ["", "user", "user ", "itself ", "Itself", "service", "ann"])
    func noParty(header: String) {
        #expect(Principal.Party(header: header) == nil)
    }

    @Test(
        "a header with the id of a user that a column would return as another party is none",
        arguments: [Principal.Party.itself, .guest]
    )
    func disguised(party: Principal.Party) {
        #expect(Principal.Party(header: "user \(PercentText.encode(party.row))") == nil)
        #expect(Principal.Party(header: "user \(party.row.utf8.map { "%" + String($0, radix: 16) }.joined())") == nil)
    }

    @Test("a user's id stands bare in a column, as it did before services spoke for themselves")
    func rows() {
        #expect(Principal.Party.user("ann").row == "ann")
        #expect(Principal.Party(row: "") == .guest)
        #expect(!Principal.isUserID(Principal.Party.itself.row))
    }

    @Test("the id of a user is 1 to 200 bytes, without a blank in front and without control characters")
    func userIDs() {
        for id in ["a", "a b", "\u{00E9}", String(repeating: "a", count: 200)] { #expect(Principal.isUserID(id)) }
        for id in ["", " a", "a\n", "\u{0}", "\u{7F}", String(repeating: "a", count: 201)] {
            #expect(!Principal.isUserID(id))
        }
    }

    @Test(
        "a subject that contains the mark of another issuer is none, also with an accent on it",
        arguments: ["partner||ann", "||", "a||", "||a", "a|||b", "a|\u{7C}\u{301}b", "a||\u{301}"]
    )
    func issuerMark(subject: String) throws {
        #expect(!Principal.isUserID(subject))
        let partner = try #require(IssuerAlias("partner"))
        for issuer in [IssuerAlias.people, partner] {
            #expect(Principal.userID(subject, of: issuer, people: .people) == nil)
        }
    }

    @Test("the issuer of people's subjects stand bare, another issuer's behind its alias, and no two users share an id")
    func issuers() throws {
        let partner = try #require(IssuerAlias("partner"))
        let subjects = ["ann", "a|b", "|ann", "ann|", "people", "\u{301}x", "urn:ann", "partner|ann"]
        let bare = subjects.map { Principal.userID($0, of: .people, people: .people) }
        #expect(bare == subjects)
        let prefixed = subjects.map { Principal.userID($0, of: partner, people: .people) }
        #expect(prefixed.first == "partner||ann")
        #expect(Set((bare + prefixed).compactMap { $0.map { ExactText($0) } }).count == 2 * subjects.count)
        // The deployment decides whose subjects are bare.
        #expect(Principal.userID("ann", of: partner, people: partner) == "ann")
        #expect(Principal.userID(String(repeating: "a", count: 191), of: partner, people: .people)?.utf8.count == 200)
        #expect(Principal.userID(String(repeating: "a", count: 192), of: partner, people: .people) == nil)
    }

    @Test("an alias is a short name in small letters, and no URL")
    func aliases() {
        for text in ["a", "people", "partner-2", String(repeating: "a", count: 32)] {
            #expect(IssuerAlias(text)?.text == text)
        }
        for text in ["", "2a", "-", "A", "a|", "https://a", "a b", "\u{E9}", String(repeating: "a", count: 33)] {
            #expect(IssuerAlias(text) == nil)
        }
    }

    @Test(
        "a service keeps how it was authenticated when its call states for whom it speaks; its own calls do not have it"
    )
    func authentication() {
        let session = Authentication(issuer: .people, client: "app", session: "s1", time: Timestamp(seconds: 7))
        let ann = Principal(user: "ann", scopes: ["parcels:read"]).authenticated(by: session)
        #expect(ann.authentication == session)
        #expect(ann.id == "ann" && ann.holds("parcels:read"))
        #expect(ann.spoken(by: "parcels").authentication == nil)
        let parcels = Principal(service: "parcels", for: .guest).authenticated(by: session)
        #expect(parcels.speaking(for: .user("ann")).authentication == session)
        #expect(parcels.speaking(for: .user("ann")).party == .user("ann"))
    }

    @Test(
        "a word that means a kind of caller is no scope",
        arguments: ["service", "Service", "SERVICE", "ANYBODY", "none"]
    )
    func reserved(name: String) {
        #expect(!ScopeName.isValid(name))
    }

    @Test("a scope is visible ASCII and no list of alternatives")
    func scopeNames() {
        for name in ["parcels:read", "operate", "services:read"] { #expect(ScopeName.isValid(name)) }
        for name in ["", "a b", "a|service", "a\"", "\u{00E9}"] { #expect(!ScopeName.isValid(name)) }
    }
}
