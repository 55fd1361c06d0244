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
}
