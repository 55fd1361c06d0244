import CatalogContract
import MartletContract
import MartletHost
import SwiftProtobuf

// `statelessd`: a service without tables, of which tests of whole programs run several instances behind the gateway. It
// serves the product of the catalogue's contract, whose name is that of the instance.
await Daemon.run("catalog", program: "statelessd", crashPoints: []) { context in
    let instance = context.settings.instance
    var contract = ServedContract(name: CatalogMethods.getProduct.service, openAPI: "", on: NoPlatform())
    contract.on(CatalogMethods.getProduct) { (request: GetProductRequest, _) -> GetProductResponse in
        .with { response in
            response.product.sku = request.sku
            response.product.name = instance
        }
    }
    return ServiceRuntime(
        name: context.service,
        telemetry: context.telemetry,
        time: context.time,
        contracts: [contract]
    )
}
