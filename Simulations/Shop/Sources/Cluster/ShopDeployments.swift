import MartletHost
import Provider
import Shop
import SimulatedCluster

/// The services of the simulated shop.
enum ShopDeployments {
    /// In the order in which they are started.
    static let all: [Deployment] =
        [Deployment.eventLog] + ShopServices.all.map { of($0, isExternal: $0.name == ProviderService.name) }
        + [of(AuditorService.self, isExternal: false)]

    private static func of<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type, isExternal: Bool) -> Deployment {
        .of(
            Blueprint.self,
            next: NextVersion<Blueprint>.self,
            afterNext: BreakingVersion<Blueprint>.self,
            isExternal: isExternal
        )
    }
}
