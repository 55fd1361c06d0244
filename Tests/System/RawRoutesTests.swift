import Foundation
import Gateway
import MartletContract
import MartletHost
import Shop
import Testing

@Suite("Endpoints beside contracts")
struct RawRoutesTests {
    @Test("the gateway's table has those of all services, and no others")
    func compared() {
        let served = ShopServices.all.flatMap { service in
            service.raw.map { RoutedMethod(service: service.name, raw: $0.route) }
        }
        #expect(Set(GatewayRawRoutes.all) == Set(served))
        #expect(GatewayRawRoutes.all.count == served.count)
    }

    /// An endpoint as `martlet.json` lists it.
    private struct Endpoint: Decodable, Hashable {
        let service: String
        let verb: String
        let path: String
        let users: String
    }

    private struct Topology: Decodable {
        let endpoints: [Endpoint]?
    }

    @Test("martlet.json has those of all services, and no others, as the policy matrix shows them")
    func listed() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../martlet.json")
        let listed = try JSONDecoder().decode(Topology.self, from: Data(contentsOf: file)).endpoints ?? []
        let served = ShopServices.all.flatMap { service in
            service.raw.map(\.route).map { route in
                let users =
                    switch route.users {
                    case .anybody: "ANYBODY"
                    case .noUser: "NOBODY"
                    case .scope(let scope): scope
                    }
                return Endpoint(service: service.name, verb: route.verb.rawValue, path: route.path, users: users)
            }
        }
        #expect(Set(listed) == Set(served))
        #expect(listed.count == served.count)
    }
}
