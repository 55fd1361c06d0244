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

    @Test(
        "an idempotency key, or whom a service represents, is refused when it is given twice",
        arguments: ["idempotency-key", "martlet-on-behalf-of"]
    )
    func twice(_ name: String) {
        #expect(throws: Never.self) { try RequestHead(block([(name, "a")])) }
        let refusal = #expect(throws: RequestHead.Refusal.self) { try RequestHead(block([(name, "a"), (name, "a")])) }
        #expect(refusal?.fault.code == .invalidArgument)
        #expect(refusal?.fault.message == "\(name) is given twice")
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
