import MartletCore
import SharedContract

extension Order {
    /// The id of the return that a cancel after the capture creates.
    static let cancelReturnID = "cancel"
    /// Limits the returns of an order, since every command loads its whole stream.
    static let returnsLimit = 200

    /// Requests the cancellation.
    ///
    /// A repeat, and a request for a cancelled order, changes nothing.
    ///
    /// - Parameter textID: Identifies what the customer wrote; `nil` for nothing.
    /// - Throws: `OrderError.notCancellable` for a rejected order, and for one with returns.
    func requestCancel(textID: ExactText?) throws(OrderError) -> [OrderEvent] {
        switch status {
        case .cancelled: return []
        case .rejected: throw .notCancellable(status)
        case .pending, .confirmed: return isCancelRequested ? [] : [.cancelRequested(textID: textID)]
        case .completed:
            if returns.contains(where: { $0.id == Self.cancelReturnID }) { return [] }
            guard returns.isEmpty else { throw .notCancellable(status) }
            let request: [OrderEvent] = isCancelRequested ? [] : [.cancelRequested(textID: textID)]
            return request + returnEverything()
        }
    }

    /// Returns all units of all lines and refunds all captured money.
    func returnEverything() -> [OrderEvent] {
        let lines = placement.lines.enumerated().map {
            OrderReturn.Line(line: $0.offset, quantity: $0.element.quantity)
        }
        let orderReturn = OrderReturn(
            id: Self.cancelReturnID,
            items: [],
            lines: lines,
            refundMinorUnits: capturedMinorUnits - refundRequestedMinorUnits
        )
        return [.returnRequested(orderReturn)]
    }

    /// Requests a return and calculates its refund.
    ///
    /// The refund is what was paid for all units returned so far, rounded half to even, less the earlier refunds, and at
    /// most the captured amount. So the refunds of an order depend on no sequence, never exceed the capture, and are all
    /// of it when everything is returned.
    ///
    /// - Throws: `OrderError.notReturnable`, `.returnExceedsOrder`, `.tooManyReturns`;
    ///   `.returnMismatch` when `id` exists with other units.
    func requestReturn(id: String, _ items: [ReturnItem]) throws(OrderError) -> [OrderEvent] {
        guard status == .completed else { throw .notReturnable(status) }
        if let existing = returns.first(where: { ExactText($0.id) == ExactText(id) }) {
            guard existing.items == items else { throw .returnMismatch(id) }
            return []
        }
        guard returns.count < Self.returnsLimit else { throw .tooManyReturns(limit: Self.returnsLimit) }
        var returned = returnedUnits
        var accepted: [Int: Int] = [:]
        for item in items {
            var missing = item.quantity
            for index in placement.lines(of: item) where missing > 0 {
                let count = min(missing, placement.lines[index].quantity - returned[index, default: 0])
                guard count > 0 else { continue }
                accepted[index, default: 0] += count
                returned[index, default: 0] += count
                missing -= count
            }
            guard missing == 0 else {
                throw .returnExceedsOrder(item, left: item.quantity - missing)
            }
        }
        let lines = accepted.sorted { $0.key < $1.key }.map { OrderReturn.Line(line: $0.key, quantity: $0.value) }
        let refund = refund(forAllReturned: returned)
        return [.returnRequested(OrderReturn(id: id, items: items, lines: lines, refundMinorUnits: refund))]
    }

    /// Completes a return: its money is refunded and its goods are restocked.
    ///
    /// A repeat changes nothing.
    func finishReturn(_ id: String) -> [OrderEvent] {
        let name = ExactText(id)
        guard let orderReturn = returns.first(where: { ExactText($0.id) == name }), !completedReturns.contains(name)
        else {
            return []
        }
        return [.returnCompleted(id: id, refundMinorUnits: orderReturn.refundMinorUnits)]
    }

    /// The goods of a return, by SKU.
    func goods(of orderReturn: OrderReturn) -> [ExactText: Int] {
        orderReturn.lines.filter { placement.lines[$0.line].isGoods }
            .reduce(into: [:]) { $0[placement.lines[$1.line].code, default: 0] += $1.quantity }
    }

    private func refund(forAllReturned returned: [Int: Int]) -> Int64 {
        let paid = placement.paid(for: returned).minorUnits(of: placement.currency) ?? capturedMinorUnits
        return max(0, min(paid, capturedMinorUnits) - refundRequestedMinorUnits)
    }
}
