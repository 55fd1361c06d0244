import Carts
import Catalog
import Inventory
package import MartletHost
import Orders
import Payments
import Provider

/// The list of the shop's services.
///
/// Their programs are in `martlet.json`, their topics in ``ShopContracts``.
package enum ShopServices {
    /// In the order in which they start; a service that others call comes first.
    ///
    /// A new service comes last: the order decides which random numbers a service gets under a seed.
    package static let all: [any ServiceBlueprint.Type] = [
        CatalogService.self,
        InventoryService.self,
        CartsService.self,
        ProviderService.self,
        PaymentsService.self,
        OrdersService.self,
    ]
}
