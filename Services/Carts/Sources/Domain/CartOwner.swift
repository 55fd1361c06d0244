import MartletCore

/// The owner of a cart: a signed-in customer or a guest.
enum CartOwner: Sendable, Equatable {
    case customer(ExactText)
    /// The guest's token: possession of it gives access to the cart.
    case guest(ExactText)

    /// How a signed-in customer names their own cart.
    static let ownName: ExactText = "me"

    /// Parses the cart name of a request.
    ///
    /// - Throws: `CartError.signInNeeded` for `me` without a signed-in customer.
    init(_ name: String, _ principal: Principal) throws(CartError) {
        guard ExactText(name) == Self.ownName else {
            self = .guest(ExactText(name))
            return
        }
        guard let customer = principal.user else { throw .signInNeeded }
        self = .customer(customer)
    }

    /// The cart's key in tables and events.
    var cartID: String {
        switch self {
        case .customer(let id): "customer:\(id)"
        case .guest(let token): "guest:\(token)"
        }
    }

    /// The cart's name in requests and responses.
    var name: String {
        switch self {
        case .customer: Self.ownName.text
        case .guest(let token): token.text
        }
    }
}
