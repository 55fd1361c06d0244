import MartletCore

/// A cart that is ordered, as it was read.
struct OrderedCart: Sendable, Equatable {
    /// How a signed-in customer names their own cart.
    static let ownName: ExactText = "me"

    /// ``ownName``, or a guest's token.
    let id: String
    /// Identifies the lines; `nil` when the carts have none.
    let revision: String?
    /// Grows with every change of the lines; `nil` when the carts have none.
    let version: Int64?
    /// The version in which the oldest units were put into the cart; `nil` when the carts have none.
    let oldestVersion: Int64?
}
