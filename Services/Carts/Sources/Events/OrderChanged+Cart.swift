import MartletCore
import OrdersContract
import SwiftProtobuf

extension OrderChanged {
    /// The version of the cart whose units the order takes with this event; `nil` when it takes none.
    ///
    /// Only an order that is sure takes units. One of a service that knows no versions takes everything when it is
    /// placed: its later events do not state what was in the cart then.
    var takenVersion: Int? {
        guard !cartID.isEmpty else { return nil }
        guard cartVersion > 0 else { return kind == .placed ? Int.max : nil }
        return takesCart ? Int(clamping: cartVersion) : nil
    }
}

extension CartOwner {
    /// The owner of the cart that was ordered.
    init(of order: OrderChanged) {
        let cart = ExactText(order.cartID)
        self = cart == Self.ownName ? .customer(ExactText(order.customerID)) : .guest(cart)
    }
}
