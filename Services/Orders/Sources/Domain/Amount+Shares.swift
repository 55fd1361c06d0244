import SharedContract

extension Amount {
    /// Shares the amount out in proportion to `weights`, by largest remainder.
    ///
    /// Each weight gets its part, rounded down to nanos. The nanos that are left go one each to the largest remainders,
    /// of equal ones to the first. So the shares add up to the amount exactly, and no share exceeds its weight.
    ///
    /// - Parameter weights: At least 0 each; together at least the amount, which is at least 0.
    func shares(over weights: [Amount]) -> [Amount] {
        let total = weights.reduce(Amount.zero, +)
        precondition(self >= .zero && self <= total)
        guard self > .zero else { return weights.map { _ in .zero } }
        // A product of two amounts has up to 256 bits.
        let parts = weights.map { weight in
            total.nanos.magnitude.dividingFullWidth(nanos.magnitude.multipliedFullWidth(by: weight.nanos.magnitude))
        }
        var shares = parts.map { Int128($0.quotient) }
        let left = Int(nanos - shares.reduce(0, +))
        let byRemainder = parts.indices.sorted { (parts[$1].remainder, $0) < (parts[$0].remainder, $1) }
        for index in byRemainder.prefix(left) { shares[index] += 1 }
        return shares.map { Amount(nanos: $0) }
    }
}
