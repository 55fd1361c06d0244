/// Finds the order lines whose units a cancellation returns.
struct CancellationMatcher {
    /// Units that one row returns from one line of one order.
    struct Piece: Equatable {
        /// The order's index, as passed to ``add(order:line:customer:code:quantity:price:)``.
        let order: Int
        let line: Int
        let units: Int
        let price: Mills
    }

    private struct Key: Hashable {
        let customer: String
        let code: String
    }

    private struct Lot {
        let order: Int
        let line: Int
        let price: Mills
        var left: Int
    }

    private var lots: [Key: [Lot]] = [:]

    /// Adds a returnable line; orders are added in the file's sequence, lines in their order's.
    mutating func add(order: Int, line: Int, customer: String, code: String, quantity: Int, price: Mills) {
        guard price > .zero else { return }
        let lot = Lot(order: order, line: line, price: price, left: quantity)
        lots[Key(customer: customer, code: code), default: []].append(lot)
    }

    /// Returns up to `units`: from lines at the same price first, then, for goods, at any other; the newest order and
    /// its first line first.
    mutating func match(customer: String, code: String, units: Int, price: Mills, isGoods: Bool) -> [Piece] {
        let key = Key(customer: customer, code: code)
        guard let mine = lots[key] else { return [] }
        let newest = mine.indices.sorted { left, right in
            (-mine[left].order, mine[left].line) < (-mine[right].order, mine[right].line)
        }
        let equal = newest.filter { mine[$0].price == price }
        let other = isGoods ? newest.filter { mine[$0].price != price } : []
        var pieces: [Piece] = []
        var remaining = units
        for index in equal + other {
            let matched = min(remaining, mine[index].left)
            guard matched > 0 else { continue }
            remaining -= matched
            lots[key]?[index].left -= matched
            pieces.append(
                Piece(order: mine[index].order, line: mine[index].line, units: matched, price: mine[index].price)
            )
        }
        return pieces
    }
}
