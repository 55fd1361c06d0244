import SharedContract

extension Order {
    /// The return that a cancel after the capture becomes.
    static let cancelReturnID = "cancel"
    /// Returns of one order: its stream is read whole, whenever it is asked.
    static let returnsLimit = 200

    /// Notes the wish to cancel.
    ///
    /// A repeat, and a wish for a cancelled order, changes nothing.
    ///
    /// - Throws: `OrderError.notCancellable` for a rejected order, and for one of which units came back already.
    func requestCancel(reason: String) throws(OrderError) -> [OrderEvent] {
        switch status {
        case .cancelled: return []
        case .rejected: throw .notCancellable(status)
        case .pending, .confirmed: return cancelReason == nil ? [.cancelRequested(reason: reason)] : []
        case .completed:
            if returns.contains(where: { $0.id == Self.cancelReturnID }) { return [] }
            guard returns.isEmpty else { throw .notCancellable(status) }
            let wish: [OrderEvent] = cancelReason == nil ? [.cancelRequested(reason: reason)] : []
            return wish + returnEverything()
        }
    }

    /// All units of all lines, refunded with all that was captured.
    func returnEverything() -> [OrderEvent] {
        let lines = placement.lines.enumerated().map {
            OrderReturn.Line(line: $0.offset, quantity: $0.element.quantity)
        }
        let back = OrderReturn(
            id: Self.cancelReturnID,
            wishes: [],
            lines: lines,
            refundMinorUnits: capturedMinorUnits - refundRequestedMinorUnits
        )
        return [.returnRequested(back)]
    }

    /// Takes units back and says what is refunded for them.
    ///
    /// The refund is the exact value of all that came back so far, rounded half to even, less what was refunded before,
    /// within what was captured. So the parts never add up to more than the whole, and everything returned is everything
    /// refunded.
    ///
    /// - Throws: `OrderError.notReturnable`, `.returnExceedsOrder`, `.tooManyReturns`; `.returnMismatch` when `id` is on file with other units.
    func takeBack(id: String, _ wishes: [ReturnWish]) throws(OrderError) -> [OrderEvent] {
        guard status == .completed else { throw .notReturnable(status) }
        if let known = returns.first(where: { $0.id == id }) {
            guard known.wishes == wishes else { throw .returnMismatch(id) }
            return []
        }
        guard returns.count < Self.returnsLimit else { throw .tooManyReturns(limit: Self.returnsLimit) }
        var gone = returnedUnits
        var taken: [Int: Int] = [:]
        for wish in wishes {
            var missing = wish.quantity
            for (index, line) in placement.lines.enumerated() where wish.fits(index, line) && missing > 0 {
                let piece = min(missing, line.quantity - gone[index, default: 0])
                guard piece > 0 else { continue }
                taken[index, default: 0] += piece
                gone[index, default: 0] += piece
                missing -= piece
            }
            guard missing == 0 else {
                throw .returnExceedsOrder(wish, left: wish.quantity - missing)
            }
        }
        let lines = taken.sorted { $0.key < $1.key }.map { OrderReturn.Line(line: $0.key, quantity: $0.value) }
        let refund = refund(forAllReturned: gone)
        return [.returnRequested(OrderReturn(id: id, wishes: wishes, lines: lines, refundMinorUnits: refund))]
    }

    /// The money is back and the goods are on the shelf.
    ///
    /// A repeat changes nothing.
    func finishReturn(_ id: String) -> [OrderEvent] {
        guard let back = returns.first(where: { $0.id == id }), !completedReturns.contains(id) else { return [] }
        return [.returnCompleted(id: id, refundMinorUnits: back.refundMinorUnits)]
    }

    /// Goods of a return by SKU.
    func goods(of back: OrderReturn) -> [String: Int] {
        back.lines.filter { placement.lines[$0.line].isGoods }
            .reduce(into: [:]) { $0[placement.lines[$1.line].code, default: 0] += $1.quantity }
    }

    private func refund(forAllReturned gone: [Int: Int]) -> Int64 {
        let everything = placement.lines.enumerated().allSatisfy { gone[$0.offset, default: 0] == $0.element.quantity }
        let exact = placement.lines.enumerated()
            .reduce(Amount.zero) { $0 + $1.element.value(of: gone[$1.offset, default: 0]) }
        let rounded = everything ? capturedMinorUnits : exact.minorUnits(of: placement.currency) ?? capturedMinorUnits
        return max(0, min(rounded, capturedMinorUnits) - refundRequestedMinorUnits)
    }
}
