/// Finds the order lines from which a cancellation takes units back; ``InvoiceRules`` says by what rule.
struct CancellationMatcher {
    /// Units that one row takes from one line of one order.
    struct Piece: Equatable {
        /// The order's number as it was given to ``add(order:line:customer:code:quantity:price:)``.
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

    /// Remembers a line that may come back; orders are added in the file's sequence, lines in their order's.
    mutating func add(order: Int, line: Int, customer: String, code: String, quantity: Int, price: Mills) {
        guard price > .zero else { return }
        let lot = Lot(order: order, line: line, price: price, left: quantity)
        lots[Key(customer: customer, code: code), default: []].append(lot)
    }

    /// Takes up to `units` back: at the same price first, then, for goods, at any other; the newest order first, within
    /// an order the first line first.
    mutating func take(customer: String, code: String, units: Int, price: Mills, isGoods: Bool) -> [Piece] {
        let key = Key(customer: customer, code: code)
        guard let mine = lots[key] else { return [] }
        let newest = mine.indices.sorted { left, right in
            (-mine[left].order, mine[left].line) < (-mine[right].order, mine[right].line)
        }
        let equal = newest.filter { mine[$0].price == price }
        let other = isGoods ? newest.filter { mine[$0].price != price } : []
        var pieces: [Piece] = []
        var wanted = units
        for index in equal + other {
            let taken = min(wanted, mine[index].left)
            guard taken > 0 else { continue }
            wanted -= taken
            lots[key]?[index].left -= taken
            pieces.append(
                Piece(order: mine[index].order, line: mine[index].line, units: taken, price: mine[index].price)
            )
        }
        return pieces
    }
}
