import MartletCore

/// Whose cart it is: a signed-in customer's or a guest's.
enum CartOwner: Sendable, Equatable {
    case customer(String)
    /// The guest's token: whoever knows it holds the cart.
    case guest(String)

    /// How a signed-in customer names their own cart.
    static let ownName = "me"

    /// Reads the name that a caller gave.
    ///
    /// - Throws: `CartError.signInNeeded` when nobody is signed in to be `me`.
    init(_ name: String, _ principal: Principal) throws(CartError) {
        guard name == Self.ownName else {
            self = .guest(name)
            return
        }
        guard !principal.subject.isEmpty else { throw .signInNeeded }
        self = .customer(principal.subject)
    }

    /// The cart's key in tables and events.
    var cartID: String {
        switch self {
        case .customer(let id): "customer:\(id)"
        case .guest(let token): "guest:\(token)"
        }
    }

    /// What the owner calls it.
    var name: String {
        switch self {
        case .customer: Self.ownName
        case .guest(let token): token
        }
    }
}

/// Why a cart says no.
enum CartError: Error, Equatable {
    case unknownCart
    case unknownSKU(String)
    /// The product's price is in another currency than those in the cart.
    case mixedCurrencies(sku: String, currency: String, cart: String)
    case signInNeeded
    case tooManyLines(limit: Int)
}
