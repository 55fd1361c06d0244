import MartletCore
import MartletSecurity
import MartletTesting
import Testing

@testable import MartletHost

@Suite("The tokens of a process")
struct ServiceTokensTests {
    private let time = ManualTime()

    @Test("are those of the service that speaks, for the callee, and are read again within five seconds")
    func tokens() async throws {
        let folder = try TemporaryFolder()
        let own = folder.file("wordsd")
        let issuer = try await LocalIssuer(folder: folder.path, algorithm: .edDSA, time: time)
        let tokens = ServiceTokens(to: "links", in: own, time: time)
        let words = Principal(service: "words", for: .user("ann"))
        #expect(throws: Fault.self) { try tokens.token(of: words) }

        for service in ["words", "others"] {
            for callee in ["links", "texts"] {
                _ = try await issuer.writeServiceToken(service, to: callee, in: own, lifetime: .seconds(60))
            }
        }
        try issuer.writeKeySet(in: own)
        let verifier = try await LocalIssuer.verifier(in: own, callees: ["links"], time: time)
        #expect(try verifier.verify(try tokens.token(of: words)).id == "words")
        #expect(try verifier.verify(try tokens.token(of: Principal(service: "others", for: .itself))).id == "others")

        let first = try tokens.token(of: words)
        _ = try await issuer.writeServiceToken("words", to: "links", in: own, lifetime: .seconds(120))
        time.advance(by: .seconds(5))
        #expect(try tokens.token(of: words) != first)
    }

    @Test("a user's principal has none: a call between services speaks as a service")
    func users() throws {
        let folder = try TemporaryFolder()
        let tokens = ServiceTokens(to: "links", in: folder.path, time: time)
        for principal in [Principal.anonymous, Principal(user: "words", scopes: [])] {
            let fault = #expect(throws: Fault.self) { try tokens.token(of: principal) }
            #expect(fault?.code == .internal)
        }
    }
}
