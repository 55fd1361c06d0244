/// The units of one line of a cart, by when they were put into it.
///
/// So an order takes the units of the version that was ordered, and leaves those that were put into the cart since.
struct LineUnits: Sendable, Equatable {
    /// Units that were put into the cart with one change.
    ///
    /// Stored as JSON.
    struct Part: Codable, Sendable, Equatable {
        /// The version of the cart from which on they are in it.
        var since: Int
        /// At least 1.
        var quantity: Int
    }

    /// The most parts that are stored of a line.
    ///
    /// A further change makes one of the two oldest, of the later version: an order of an earlier one leaves them.
    static let partsLimit = 8

    /// The oldest first.
    private(set) var parts: [Part] = []

    var quantity: Int { parts.reduce(0) { $0 + $1.quantity } }

    /// Sets the quantity in a new version of the cart; what is taken away are the newest units.
    mutating func set(_ quantity: Int, in version: Int) {
        let more = quantity - self.quantity
        if more > 0 { parts.append(Part(since: version, quantity: more)) }
        var less = max(0, -more)
        while less > 0, var newest = parts.popLast() {
            let removed = min(less, newest.quantity)
            less -= removed
            newest.quantity -= removed
            if newest.quantity > 0 { parts.append(newest) }
        }
        guard parts.count > Self.partsLimit else { return }
        let oldest = parts.removeFirst()
        parts[0].quantity += oldest.quantity
    }

    /// Removes the units that were in the cart in this version.
    mutating func take(version: Int) { parts.removeAll { $0.since <= version } }
}

extension LineUnits {
    /// - Parameters:
    ///   - parts: As stored.
    ///   - quantity: As stored; what is not in accordance with it was written by a program that knew no parts.
    ///   - version: The cart's present one.
    init(stored parts: [Part], quantity: Int, version: Int) {
        self.init(parts: parts)
        if self.quantity != quantity { self.parts = [Part(since: version, quantity: quantity)] }
    }
}
