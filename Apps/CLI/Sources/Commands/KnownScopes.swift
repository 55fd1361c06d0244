import CartsContract
import CatalogContract
import InventoryContract
import MartletContract
import MartletHost
import OrdersContract
import PaymentsContract
import ProviderContract

/// The scopes that some contract requires.
enum KnownScopes {
    static let all: Set<String> = {
        let methods =
            CartsMethods.all + CatalogMethods.all + InventoryMethods.all + OrdersMethods.all + PaymentsMethods.all
            + ProviderMethods.all + OperateMethods.all
        return Set(methods.flatMap { $0.scope.split(separator: "|").map(String.init) })
    }()

    /// Those of `scopes` that no contract requires, in order.
    static func unknown(_ scopes: [String]) -> [String] { scopes.filter { !all.contains($0) } }
}
