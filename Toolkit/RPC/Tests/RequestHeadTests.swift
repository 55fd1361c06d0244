import MartletCore
import NIOHPACK
import Testing

@testable import MartletRPC

@Suite("Head of a request")
struct RequestHeadTests {
    private func block(_ more: [(String, String)]) -> HPACKHeaders {
        HPACKHeaders(
            [(":method", "POST"), (":path", "/martlet.test.Texts/Echo"), ("content-type", "application/grpc")] + more
        )
    }

    @Test("one authorisation is the token; two are none")
    func authorisations() {
        let one = CallHeaders(block([("authorization", "Bearer a")]))
        #expect(one.bearerToken == "a")
        for second in ["Bearer a", "Bearer b", "Basic b", ""] {
            let two = CallHeaders(block([("authorization", "Bearer a"), ("authorization", second)]))
            #expect(two.bearerToken == nil)
            #expect(two["authorization"] != nil)
        }
    }

    @Test("the scheme of a token is read in any case, and no other one is")
    func schemes() {
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            #expect(CallHeaders(block([("authorization", "\(scheme) a b")])).bearerToken == "a b")
        }
        for value in [
            "Bearer", "Bearer ", "Bearer\u{0}a", "Bearers a", "Basic a", "B\u{65}\u{301}arer a", "\"earer a", "",
        ] {
            #expect(CallHeaders(block([("authorization", value)])).bearerToken == nil)
        }
    }

    @Test("methods and services are found by the bytes of their names")
    func names() {
        let table = MethodTable([.texts(Texts())])
        #expect(throws: Never.self) { try table.find("/martlet.test.Texts/Echo") }
        let health = HealthRegistry(services: ["Kim"])
        #expect(health.status("Kim") == .serving)
        #expect(health.status("\u{212A}im") == nil)
    }

    @Test("watches of the health are limited; one that ends leaves its place to another")
    func watches() async throws {
        let health = HealthRegistry(services: [])
        let limit = HealthRegistry.watchersLimit
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0...limit {
                group.addTask {
                    do {
                        _ = try await health.next("", after: .serving)
                        return false
                    } catch {
                        return Fault(describing: error).reason == .overloaded
                    }
                }
            }
            // The first that returns is the one that is refused: all others wait.
            let first = await group.next() ?? false
            health.set("", serving: false)
            return await group.reduce(first ? 1 : 0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 1)
        #expect(try await health.next("", after: .serving) == .notServing)
    }
}
