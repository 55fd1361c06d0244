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

    @Test("methods and services are found by the bytes of their names")
    func names() {
        let table = MethodTable([.texts(Texts())])
        #expect(throws: Never.self) { try table.find("/martlet.test.Texts/Echo") }
        let health = HealthRegistry(services: ["Kim"])
        #expect(health.status("Kim") == .serving)
        #expect(health.status("\u{212A}im") == nil)
    }
}
