import SharedContract

extension Placement {
    /// What was paid for these units of each line, exact: their value, less their share of the discounts.
    ///
    /// For all units of all lines it is the order's exact total.
    ///
    /// - Parameter units: By the line's index.
    func paid(for units: [Int: Int]) -> Amount {
        let shares = discountShares
        return lines.enumerated().reduce(Amount.zero) { sum, entry in
            let (line, count) = (entry.element, units[entry.offset, default: 0])
            guard !line.isDiscount, count > 0 else { return sum }
            // The last units of a line bear the nanos that are left.
            let share = Amount(nanos: shares[entry.offset].nanos * Int128(count) / Int128(line.quantity))
            return sum + line.value(of: count) - share
        }
    }

    /// The indices of the lines whose units an item returns.
    ///
    /// A discount may have the code of the lines that it concerns. Its units are none of theirs: it is returned by its
    /// line, or by a code that no other line has.
    func lines(of item: ReturnItem) -> [Int] {
        let matching = lines.indices.filter { item.matches($0, lines[$0]) }
        let others = matching.filter { !lines[$0].isDiscount }
        return others.isEmpty ? matching : others
    }

    /// Whether it is this placement, also as a version stored it that took a discount for goods.
    func isSame(as other: Placement) -> Bool { withoutGoodsOfDiscounts == other.withoutGoodsOfDiscounts }

    private var withoutGoodsOfDiscounts: Placement {
        var copy = self
        for index in lines.indices where lines[index].isDiscount { copy.lines[index].isGoods = false }
        return copy
    }

    /// The share that each line has in the discounts; 0 for a discount itself.
    ///
    /// A discount concerns the lines with its code. What these are not worth, and a discount without such lines,
    /// concerns all lines. It is shared out in proportion to the lines' values, less their shares in other discounts.
    private var discountShares: [Amount] {
        var shares = lines.map { _ in Amount.zero }
        guard lines.contains(where: \.isDiscount) else { return shares }
        let byCode = Dictionary(grouping: lines.indices) { lines[$0].code }
        var rest = Amount.zero
        for (_, indices) in byCode.sorted(by: { $0.key < $1.key }) {
            let discount = indices.filter { lines[$0].isDiscount }.reduce(Amount.zero) { $0 - lines[$1].value }
            rest = rest + add(discount, to: &shares, of: indices)
        }
        _ = add(rest, to: &shares, of: Array(lines.indices))
        return shares
    }

    /// Adds a discount to the shares of some lines.
    ///
    /// - Returns: What these lines are not worth.
    private func add(_ discount: Amount, to shares: inout [Amount], of indices: [Int]) -> Amount {
        let concerned = indices.filter { !lines[$0].isDiscount }
        let worth = concerned.map { lines[$0].value - shares[$0] }
        let borne = min(discount, worth.reduce(Amount.zero, +))
        for (index, share) in zip(concerned, borne.shares(over: worth)) { shares[index] = shares[index] + share }
        return discount - borne
    }
}

extension PricedLine {
    /// True for a line with a negative price.
    var isDiscount: Bool { priceNanos < 0 }

    /// The exact value of all units.
    var value: Amount { value(of: quantity) }
}
